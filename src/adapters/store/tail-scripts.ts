/**
 * The stream `tail` holds the last commits whole, for replicas to read and keep; its ids are those of `journal`. What is
 * above the bounds goes by the quarter, so that it costs little with most commits.
 */
const TAIL_BYTES = 8 * 1024 * 1024;
const TAIL_COMMITS = 2_000;

export const LINK_LUA = `
local function linkHash(prev, n, nonce, us, outcome, digest)
  return redis.sha1hex(table.concat({prev, n, nonce, us, outcome, digest}, ' '))
end
local function words(rows)
  local out = {}
  for i, row in ipairs(rows) do out[i] = row[1] end
  return table.concat(out, ' ')
end
local function outcomeOf(revs, ids) return words(revs) .. '|' .. words(ids) end
local function link(p, c, anew)
  local n, size = tonumber(c[2]), #c[7] + #c[8] + 250
  local row = redis.call('HMGET', p .. 'head', 'tailFrom', 'tailBytes')
  local from, bytes = tonumber(row[1] or n) or n, (tonumber(row[2] or 0) or 0) + size
  if n == 1 then redis.call('DEL', p .. 'journal') end
  -- Where the numbers jump there is nothing to follow.
  if anew or from > n or n - from > 2 * ${TAIL_COMMITS} then
    redis.call('DEL', p .. 'tail')
    from, bytes = n, size
  end
  local id = c[2] .. '-0'
  redis.call('XADD', p .. 'journal', 'MAXLEN', '~', 10000, id, 'h', c[4], 's', size)
  redis.call('XADD', p .. 'tail', id, 'm', table.concat({c[1], c[3], c[4], c[5], c[6], c[7]}, ' '), 'c', c[8])
  if bytes > ${TAIL_BYTES} or n - from >= ${TAIL_COMMITS} then
    while from < n and (bytes > ${TAIL_BYTES * 0.75} or n - from >= ${TAIL_COMMITS * 0.75}) do
      local at = string.format('%.0f', from) .. '-0'
      local entry = redis.call('XRANGE', p .. 'journal', at, at)[1]
      bytes = bytes - (entry and tonumber(entry[2][4] or 0) or 0)
      from = from + 1
    end
    redis.call('XTRIM', p .. 'tail', 'MINID', string.format('%.0f', from) .. '-0')
  end
  redis.call('HSET', p .. 'head', 'n', c[2], 'hash', c[4],
    'tailFrom', string.format('%.0f', from), 'tailBytes', string.format('%.0f', bytes))
end
`;

/**
 * The last id that the events of a rollout have taken; `nil`: none yet. One that was taken out again stays taken, so what
 * the stream says of itself counts, not what is in it. An id is two whole numbers of up to 64 bits.
 */
export const LAST_EVENT_LUA = `
local function lastEvent(p, rollout)
  local key = p .. 'events:' .. rollout
  if redis.call('EXISTS', key) == 0 then return nil end
  local info = redis.pcall('XINFO', 'STREAM', key)
  for i = 1, #info - 1, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
  return '?'
end
local function goesBefore(one, other)
  local function below(a, b) return #a < #b or (#a == #b and a < b) end
  local ms, seq = string.match(one, '^(%d+)-(%d+)$')
  local laterMs, laterSeq = string.match(other, '^(%d+)-(%d+)$')
  if not ms or not laterMs then return false end
  return below(ms, laterMs) or (ms == laterMs and below(seq, laterSeq))
end`;

/** How far the store goes, and the links from a number on. */
export const HISTORY_LUA = `
local p = KEYS[1]
local row = redis.call('HMGET', p .. 'head', 'n', 'hash')
local links = {}
for i, entry in ipairs(redis.call('XRANGE', p .. 'journal', ARGV[1] .. '-0', '+', 'COUNT', 10000)) do
  links[i] = {string.match(entry[1], '^%d+'), entry[2][2]}
end
return {redis.call('GET', p .. 'epoch') or '', row[1] or '0', row[2] or '', links}`;

/** Revs alone, without what was written. */
export const REVS_LUA = `
local out = {}
for i, name in ipairs(ARGV) do out[i] = redis.call('HGET', KEYS[1] .. 'record:' .. name, 'rev') or '0' end
return out`;

/** The last ids of events alone; empty where there are none yet. */
export const LAST_EVENTS_LUA = `${LAST_EVENT_LUA}
local out = {}
for i, rollout in ipairs(ARGV) do out[i] = lastEvent(KEYS[1], rollout) or '' end
return out`;

/**
 * The end of a replay: the freeze is over. When something is due may be among what was lost without a trace, so all that
 * goes on is looked at once.
 */
export const REPLAYED_LUA = `
local p, freeze, epoch, n, hash = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', p .. 'frozen') ~= freeze then return 'frozen' end
local row = redis.call('HMGET', p .. 'head', 'n', 'hash')
if redis.call('GET', p .. 'epoch') ~= epoch or (row[1] or '0') ~= n or (row[2] or '') ~= hash then return 'head' end
local t = redis.call('TIME')
local now = string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000))
local function look(subject)
  redis.call('HDEL', p .. 'leases', subject)
  redis.call('ZADD', p .. 'due', 'LT', now, subject)
end
for _, id in ipairs(redis.call('HKEYS', p .. 'active')) do look('rollout/' .. id) end
for _, queue in ipairs(redis.call('ZRANGE', p .. 'waiting', 0, -1)) do look('outbox/' .. queue) end
for _, key in ipairs(redis.call('ZRANGE', p .. 'index:backend/', 0, -1)) do look(key) end
redis.call('DEL', p .. 'frozen')
return 'done'`;

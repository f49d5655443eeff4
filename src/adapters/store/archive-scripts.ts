import { DECISION_ENDS_LUA } from './decision-scripts.ts';

/**
 * Everything of one moment: a script runs alone. `ARGV`: names that a scan has found before, in groups of a number and
 * so many names: records, indexes, fleets, outbox queues, event streams. What came after the scan is found through the
 * indexes, which are read in here; what is in no index is found by the scan alone.
 */
export const DUMP_LUA = `${DECISION_ENDS_LUA}
local p = KEYS[1]
local at = 0
local function names()
  local all, seen = {}, {}
  at = at + 1
  for i = 1, tonumber(ARGV[at]) do
    local name = ARGV[at + i]
    if not seen[name] then seen[name] = true; table.insert(all, name) end
  end
  at = at + tonumber(ARGV[at])
  return all, seen
end
local function add(all, seen, name)
  if not seen[name] then seen[name] = true; table.insert(all, name) end
end
local function safe(...)
  local r = redis.pcall(...)
  if type(r) == 'table' and r.err then return nil end
  return r
end
local records, isRecord = names()
local indexes = names()
local fleets, isFleet = names()
local queues, isQueue = names()
local streams, isStream = names()
local damage = {}
local function broken(where, detail) table.insert(damage, where); table.insert(damage, detail) end

local indexed = {}
for _, index in ipairs(indexes) do
  local rows = safe('ZRANGE', p .. 'index:' .. index, 0, -1, 'WITHSCORES')
  if not rows then broken('index:' .. index, 'is no sorted set'); rows = {} end
  indexed[index] = {}
  for i = 1, #rows, 2 do
    indexed[index][rows[i]] = rows[i + 1]
    add(records, isRecord, rows[i])
  end
end
local rows = {}
for _, name in ipairs(records) do
  local r = safe('HMGET', p .. 'record:' .. name, 'rev', 'body', 'schema')
  local order = ''
  for slash in string.gmatch(name, '()/') do
    local index = string.sub(name, 1, slash)
    local score = indexed[index] and indexed[index][name]
    if score then order = score else broken('record:' .. name, 'is missing from the index ' .. index) end
  end
  if not r then broken('record:' .. name, 'is no record')
  elseif not r[1] and not r[2] then broken('record:' .. name, 'is in an index, but gone')
  else table.insert(rows, {name, order, r[1] or '', r[2] or '', r[3] or ''}) end
end

for _, fleet in ipairs(safe('SMEMBERS', p .. 'fleets') or {}) do add(fleets, isFleet, fleet) end
local tables = {}
for _, fleet in ipairs(fleets) do
  local cells = safe('HGETALL', p .. 'traffic:' .. fleet)
  if not cells then broken('traffic:' .. fleet, 'is no table')
  elseif #cells == 0 then broken('traffic:' .. fleet, 'is listed among the fleets, but gone')
  else
    if safe('SISMEMBER', p .. 'fleets', fleet) ~= 1 then broken('traffic:' .. fleet, 'is not listed among the fleets') end
    table.insert(tables, {fleet, cells})
  end
end

local due = safe('ZRANGE', p .. 'due', 0, -1, 'WITHSCORES')
if not due then broken('due', 'is no sorted set'); due = {} end
for i = 1, #due, 2 do
  local queue = string.match(due[i], '^outbox/(.+)$')
  if queue then add(queues, isQueue, queue) end
  local id = string.match(due[i], '^rollout/(.+)$')
  if id then add(streams, isStream, id) end
end
local outbox = {}
for _, queue in ipairs(queues) do
  local notices = safe('LRANGE', p .. 'outbox:' .. queue, 0, -1)
  if not notices then broken('outbox:' .. queue, 'is no list')
  elseif #notices > 0 then table.insert(outbox, {queue, notices}) end
end
local dead = safe('LRANGE', p .. 'dead', 0, -1)
if not dead then broken('dead', 'is no list'); dead = {} end
local ends = {}
for _, name in ipairs(records) do
  local id = string.match(name, '^rollout/(.+)$')
  if id then add(streams, isStream, id) end
end
for _, id in ipairs(streams) do
  local last = safe('XREVRANGE', p .. 'events:' .. id, '+', '-', 'COUNT', 1)
  if not last then broken('events:' .. id, 'is no stream')
  elseif #last > 0 then table.insert(ends, {id, last[1][1]}) end
end
local lists = {}
for _, id in ipairs(streams) do
  local is = redis.call('TYPE', p .. 'decisions:' .. id).ok
  if is == 'list' then table.insert(lists, decisionEnds(p, id))
  elseif is ~= 'none' then broken('decisions:' .. id, 'is no list') end
end
local who = safe('XREVRANGE', p .. 'audit', '+', '-', 'COUNT', 1)
if not who then broken('audit', 'is no stream'); who = {} end
local t = redis.call('TIME')
local schema = safe('HMGET', p .. 'schema', 'version', 'reader') or {}
return {
  schema[1] or '0', schema[2] or '0', redis.call('GET', p .. 'epoch') or '',
  string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000)),
  rows, tables, due, outbox, dead, ends, lists, damage, who[1] and who[1][1] or '',
}`;

/** Is there anything in it? If not, or if that may go: from here on nobody uses the store until the load is over. */
export const LOAD_BEGIN_LUA = `
local p, replace, freeze = KEYS[1], ARGV[1], ARGV[2]
local used = redis.call('EXISTS', p .. 'frozen', p .. 'fleets', p .. 'index:document/', p .. 'index:backend/', p .. 'index:rollout/')
if used > 0 and replace ~= '1' then return 'not empty' end
redis.call('SET', p .. 'frozen', freeze)
return 'begun'`;

/** A few writes of a load, each a number and so many words; none of them once another load has begun. */
export const LOAD_WRITE_LUA = `
local p, freeze = KEYS[1], ARGV[1]
if redis.call('GET', p .. 'frozen') ~= freeze then return 'lost' end
local at = 2
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + count))
  at = at + count + 1
end
return 'written'`;

/** What was written into the audit log since it was read for the merge comes along. */
export const LOAD_END_LUA = `
local p, freeze, merged, seen = KEYS[1], ARGV[1], KEYS[1] .. 'audit:import', ARGV[6]
if redis.call('GET', p .. 'frozen') ~= freeze then return 'lost' end
if redis.call('EXISTS', merged) == 1 then
  for _, line in ipairs(redis.call('XRANGE', p .. 'audit', seen == '' and '-' or '(' .. seen, '+')) do
    local added = redis.pcall('XADD', merged, line[1], unpack(line[2]))
    if type(added) == 'table' and added.err then redis.call('XADD', merged, '*', unpack(line[2])) end
  end
  redis.call('RENAME', merged, p .. 'audit')
end
redis.call('HSET', p .. 'schema', 'version', ARGV[3], 'reader', ARGV[4])
redis.call('SET', p .. 'epoch', ARGV[2])
redis.call('SET', p .. 'tick', ARGV[5])
redis.call('DEL', p .. 'frozen')
return 'done'`;

export const SCHEMA_LUA = `
local key, version = KEYS[1] .. 'schema', ARGV[1]
if version and tonumber(redis.call('HGET', key, 'version') or 0) < tonumber(version) then
  redis.call('HSET', key, 'version', version, 'reader', ARGV[2])
end
local row = redis.call('HMGET', key, 'version', 'reader')
return {row[1] or '0', row[2] or '0'}`;

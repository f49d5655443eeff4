import { KEEP_DECISION_LUA } from './decision-scripts.ts';
import { GUARD_LUA } from './lineage-scripts.ts';
import { UNTOUCHABLE_LUA } from './newer-scripts.ts';
import { LAST_EVENT_LUA, LINK_LUA } from './tail-scripts.ts';

/**
 * The one way to change records. First every check, then every write: Redis runs a script alone, but does not
 * undo one that fails half-way, so nothing may be able to fail after the first write. The first write (`SETNX`)
 * is of the kind that Redis refuses when it is out of memory, read-only or cannot persist; it costs nothing when
 * the key exists, and stands before deletes that Redis would let through.
 *
 * `KEYS[1]` is the prefix of all keys, which share one hash tag and so one cluster slot.
 */
export const COMMIT_LUA = `${GUARD_LUA}
${KEEP_DECISION_LUA}
${UNTOUCHABLE_LUA}
${LINK_LUA}
${LAST_EVENT_LUA}
local p = KEYS[1]
local at = 0
local function take() at = at + 1; return ARGV[at] end
local function list(width)
  local out = {}
  for i = 1, tonumber(take()) do
    local row = {}
    for j = 1, width do row[j] = take() end
    out[i] = row
  end
  return out
end
local epoch, tombstoneMs, version, digest = take(), take(), take(), take()
local seenEpoch, seenN, seenHash, replica = take(), take(), take(), take()
local mode, freeze = take(), take()
local reconciled, again = mode == 'reconcile', mode == 'replay' and list(5)[1]
local tables, eventIds, givenRevs = list(2), list(1), list(1)
local content = table.concat(ARGV, '\\30', at + 1)
local reads, writes, events, outbox, due = list(2), list(4), list(2), list(2), list(2)
local traffic, trials, active, decisions = list(4), list(5), list(4), list(4)

if mode == '' then
  local frozen = guard(p, seenEpoch, seenN, seenHash, replica)
  if frozen then return {'frozen', frozen} end
elseif redis.call('GET', p .. 'frozen') ~= freeze then return {'conflict', 'frozen'} end
local reader = redis.call('HGET', p .. 'schema', 'reader')
if reader and tonumber(reader) > tonumber(version) then return {'newer', reader} end

local revs = {}
for _, r in ipairs(reads) do
  local key = p .. 'record:' .. r[1]
  local have = redis.call('HGET', key, 'rev')
  if not have and redis.call('EXISTS', key) == 1 then have = 'none' end
  if (have or '0') ~= r[2] then return {'conflict', r[1]} end
  revs[r[1]] = have
end

local sound = {}
local function damaged(name, kind)
  if sound[name] then return false end
  local is = redis.call('TYPE', p .. name).ok
  if is ~= 'none' and is ~= kind then return true end
  sound[name] = true
  return false
end
if damaged('head', 'hash') then return {'damaged', 'head'} end
local n, hash = head(p)
if not string.match(n, '^%d+$') then return {'damaged', 'head'} end
if damaged('journal', 'stream') then return {'damaged', 'journal'} end
if damaged('tail', 'stream') then return {'damaged', 'tail'} end
if #due + #outbox > 0 then
  if damaged('due', 'zset') then return {'damaged', 'due'} end
  if damaged('leases', 'hash') then return {'damaged', 'leases'} end
end
for _, w in ipairs(writes) do
  for slash in string.gmatch(w[1], '()/') do
    local name = 'index:' .. string.sub(w[1], 1, slash)
    if damaged(name, 'zset') then return {'damaged', name} end
  end
  if damaged('tick', 'string') then return {'damaged', 'tick'} end
  for _, beside in ipairs({'index:judge/', 'index:verdicts/'}) do
    if string.match(w[1], '^rollout/') and damaged(beside, 'zset') then return {'damaged', beside} end
  end
end
for _, e in ipairs(events) do
  if damaged('events:' .. e[1], 'stream') then return {'damaged', 'events:' .. e[1]} end
end
for _, d in ipairs(decisions) do
  if damaged('decisions:' .. d[1], 'list') then return {'damaged', 'decisions:' .. d[1]} end
  if damaged('decided', 'hash') then return {'damaged', 'decided'} end
  if not string.match(redis.call('HGET', p .. 'decided', d[1]) or '0', '^%d+$') then return {'damaged', 'decided'} end
end
for _, o in ipairs(outbox) do
  if damaged('outbox:' .. o[1], 'list') then return {'damaged', 'outbox:' .. o[1]} end
  if damaged('waiting', 'zset') then return {'damaged', 'waiting'} end
end
if damaged('active', 'hash') then return {'damaged', 'active'} end
if damaged('evidence', 'zset') then return {'damaged', 'evidence'} end
if damaged('blind', 'set') then return {'damaged', 'blind'} end
if damaged('phases', 'hash') then return {'damaged', 'phases'} end
for _, n in ipairs(redis.call('HVALS', p .. 'phases')) do
  if not string.match(n, '^%-?%d+$') then return {'damaged', 'phases'} end
end
local function unsound(fleet)
  if damaged('traffic:' .. fleet, 'hash') then return true end
  local n = redis.call('HGET', p .. 'traffic:' .. fleet, '@n')
  return n and not string.match(n, '^%d+$')
end
for _, t in ipairs(tables) do
  if damaged('traffic:' .. t[1], 'hash') then redis.call('DEL', p .. 'traffic:' .. t[1]) end
end
for _, t in ipairs(traffic) do
  if not reconciled and unsound(t[1]) then return {'damaged', 'traffic:' .. t[1]} end
end
for _, t in ipairs(trials) do
  if not reconciled and unsound(t[1]) then return {'damaged', 'traffic:' .. t[1]} end
  local by = redis.call('HGET', p .. 'traffic:' .. t[1], '@trialBy')
  local taken = t[3] ~= '' and by and by ~= t[2]
  local gone = t[4] ~= '' and by ~= t[2]
  if not reconciled and (taken or gone) then return {'conflict', 'trial/' .. t[1]} end
end
if #traffic + #trials > 0 then
  if damaged('fleets', 'set') then return {'damaged', 'fleets'} end
  if damaged('changes', 'stream') then return {'damaged', 'changes'} end
end

local beyond = untouchable(p, version, writes, traffic, trials, tables)
if beyond then return beyond end

local nonce, prev = epoch, hash
if again then
  local is = linkHash(again[2], again[1], nonce, again[3], outcomeOf(givenRevs, eventIds), digest)
  local follows = string.format('%.0f', tonumber(n) + 1) == again[1] and hash == again[2]
  if not follows or redis.call('GET', p .. 'epoch') ~= again[5] or is ~= again[4] then return {'conflict', 'head'} end
  -- Events that cannot get the ids that they had would make another chain of it.
  local begins, last = {}, {}
  for _, w in ipairs(writes) do
    local ended = w[2] == 'delete' and string.match(w[1], '^rollout/(.+)$')
    if ended then begins[ended] = true end
  end
  for i, e in ipairs(events) do
    local before = last[e[1]] or (not begins[e[1]] and lastEvent(p, e[1])) or '0-0'
    if not goesBefore(before, eventIds[i][1]) then return {'conflict', 'events/' .. e[1]} end
    last[e[1]] = eventIds[i][1]
  end
end
redis.call('SETNX', p .. 'epoch', epoch)
epoch = redis.call('GET', p .. 'epoch')
if reconciled then
  if epoch ~= nonce then redis.call('HSET', p .. 'successors', epoch, nonce) end
  if seenEpoch ~= '' then redis.call('HSET', p .. 'successors', seenEpoch, nonce) end
  epoch = nonce
  redis.call('SET', p .. 'epoch', epoch)
  redis.call('DEL', p .. 'frozen')
  for _, t in ipairs(tables) do
    local key = p .. 'traffic:' .. t[1]
    local have = tonumber(redis.call('HGET', key, '@n') or 0) or 0
    redis.call('DEL', key)
    redis.call('HSET', key, '@n', string.format('%.0f', math.max(have, tonumber(t[2]))), '@epoch', epoch)
    redis.call('SADD', p .. 'fleets', t[1])
  end
  n = math.max(tonumber(n), tonumber(seenN))
end
-- What only puts off a look is lost without harm.
local chained = reconciled or #writes + #events + #outbox + #traffic + #trials > 0
local time = redis.call('TIME')
local us = time[1] * 1000000 + time[2]
if again then us = tonumber(again[3]) end
local ms = string.format('%.0f', math.floor(us / 1000))

local function note(id, phase, evidence, blind)
  local was = redis.call('HGET', p .. 'active', id)
  if (was or '') ~= phase then
    if was then redis.call('HINCRBY', p .. 'phases', was, -1) end
    if phase == '' then redis.call('HDEL', p .. 'active', id)
    else
      redis.call('HSET', p .. 'active', id, phase)
      redis.call('HINCRBY', p .. 'phases', phase, 1)
    end
  end
  if evidence == '' then redis.call('ZREM', p .. 'evidence', id)
  else redis.call('ZADD', p .. 'evidence', evidence, id) end
  if blind == '' then redis.call('SREM', p .. 'blind', id)
  else redis.call('SADD', p .. 'blind', id) end
end

local said, revisions = {}, {}
for i, w in ipairs(writes) do
  local name, body = w[1], w[3]
  local written = '0'
  local key, have = p .. 'record:' .. name, revs[name]
  if w[2] == 'set' then
    local rev = tonumber(have or redis.call('GET', p .. 'gone:' .. name) or 0) + 1
    written = string.format('%.0f', rev)
    if again then written = givenRevs[i][1] end
    redis.call('HSET', key, 'rev', written, 'body', body, 'schema', w[4])
    if not have then
      local tick = math.max(us, tonumber(redis.call('GET', p .. 'tick') or 0) + 1)
      local score = string.format('%.0f', tick)
      redis.call('SET', p .. 'tick', score)
      for slash in string.gmatch(name, '()/') do
        redis.call('ZADD', p .. 'index:' .. string.sub(name, 1, slash), score, name)
      end
    end
  elseif have then
    redis.call('DEL', key)
    redis.call('SET', p .. 'gone:' .. name, have, 'PX', tombstoneMs)
    local ended = string.match(name, '^rollout/(.+)$')
    if ended then
      redis.call('DEL', p .. 'events:' .. ended, p .. 'record:judge/' .. ended, p .. 'record:verdicts/' .. ended)
      redis.call('DEL', p .. 'decisions:' .. ended)
      redis.call('HDEL', p .. 'decided', ended)
      redis.call('ZREM', p .. 'index:judge/', 'judge/' .. ended)
      redis.call('ZREM', p .. 'index:verdicts/', 'verdicts/' .. ended)
      note(ended, '', '', '')
    end
    for slash in string.gmatch(name, '()/') do
      redis.call('ZREM', p .. 'index:' .. string.sub(name, 1, slash), name)
    end
  end
  table.insert(said, name); table.insert(said, written)
  revisions[i] = {written}
end

local ids = {}
for i, e in ipairs(events) do
  local id = again and eventIds[i][1] or '*'
  ids[i] = {redis.call('XADD', p .. 'events:' .. e[1], 'MAXLEN', '~', 10000, id, 'e', e[2])}
end

for _, d in ipairs(decisions) do keep(p, d[1], d[2], d[3], d[4]) end

for _, o in ipairs(outbox) do
  redis.call('RPUSH', p .. 'outbox:' .. o[1], o[2])
  redis.call('ZADD', p .. 'waiting', 'NX', ms, o[1])
  local subject = 'outbox/' .. o[1]
  if redis.call('ZADD', p .. 'due', 'NX', ms, subject) == 0 then
    redis.call('HDEL', p .. 'leases', subject)
  end
end

for _, d in ipairs(due) do
  redis.call('HDEL', p .. 'leases', d[1])
  if d[2] == '' then redis.call('ZREM', p .. 'due', d[1])
  else redis.call('ZADD', p .. 'due', d[2], d[1]) end
end

for _, a in ipairs(active) do note(a[1], a[2], a[3], a[4]) end

local change, numbers = {}, {}
local function revision(fleet)
  local n = numbers[fleet]
  if n then return n end
  local key = p .. 'traffic:' .. fleet
  n = string.format('%.0f', (tonumber(redis.call('HGET', key, '@n') or 0) or 0) + 1)
  numbers[fleet] = n
  redis.call('HSET', key, '@n', n, '@epoch', epoch)
  redis.call('SADD', p .. 'fleets', fleet)
  table.insert(change, fleet); table.insert(change, n)
  table.insert(said, fleet); table.insert(said, n)
  return n
end
if reconciled then
  for _, fleet in ipairs(redis.call('SMEMBERS', p .. 'fleets')) do revision(fleet) end
end
local function stood(key, cell)
  return string.match(redis.call('HGET', key, cell) or '', '^%d+')
end
for _, t in ipairs(traffic) do
  local key, n = p .. 'traffic:' .. t[1], revision(t[1])
  local beside, tag = string.match(t[4], '^(%a*)(.*)$')
  if beside ~= '' then
    -- The only change of a cell that its number does not tell.
    redis.call('HSET', key, '@beside', n)
    n = stood(key, t[2]) or n
  end
  if t[3] == '' then redis.call('HDEL', key, t[2])
  else redis.call('HSET', key, t[2], n .. tag .. '|' .. t[3]) end
end
for _, t in ipairs(trials) do
  local key = p .. 'traffic:' .. t[1]
  if t[3] ~= '' then
    local n = revision(t[1])
    if t[4] ~= '' then n = stood(key, '@trial') or n end
    redis.call('HSET', key, '@trialBy', t[2], '@trial', n .. t[5] .. '|' .. t[3])
  elseif redis.call('HGET', key, '@trialBy') == t[2] then
    revision(t[1])
    redis.call('HDEL', key, '@trialBy', '@trial')
  end
end
if #change > 0 then redis.call('XADD', p .. 'changes', 'MAXLEN', '~', 10000, '*', unpack(change)) end

local outcome, atUs = '', ''
if chained then
  outcome, atUs = outcomeOf(revisions, ids), string.format('%.0f', us)
  n = string.format('%.0f', tonumber(n) + 1)
  hash = linkHash(prev, n, nonce, atUs, outcome, digest)
  link(p, {epoch, n, prev, hash, nonce, atUs, outcome, content}, reconciled)
end
local reply = {'committed', epoch, n, hash, prev, atUs, outcome, tostring(#writes)}
for _, word in ipairs(said) do table.insert(reply, word) end
return reply
`;

/**
 * The ledger's scripts. `ledger` is a sorted set of replicas by the end of their lease; `ledger:<replica>` holds its
 * parts, `ledger:<replica>:at` the sequence at which each one changed (`@` is the newest). A name whose lease has ended
 * is taken out of the set, and only `join`, which says nothing, puts one in: whoever lost it cannot speak again.
 */
const JOIN = `
local p, id, lease = KEYS[1], ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', p .. 'ledger', '-inf', now)
if redis.call('ZSCORE', p .. 'ledger', id) or redis.call('EXISTS', p .. 'ledger:' .. id .. ':at') == 1 then
  return 'taken'
end
redis.call('HSET', p .. 'ledger:' .. id .. ':at', '@', 0)
redis.call('PEXPIRE', p .. 'ledger:' .. id .. ':at', lease)
redis.call('ZADD', p .. 'ledger', now + lease, id)
redis.call('PUBLISH', p .. 'ledger', id)
return 'joined'`;

const WRITE = `
local p, id, lease, sequence = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
local key = p .. 'ledger:' .. id
local ends = redis.call('ZSCORE', p .. 'ledger', id)
local last = redis.call('HGET', key .. ':at', '@')
if not ends or tonumber(ends) <= now or not last then return 'lost' end
if sequence <= tonumber(last) then return 'stale' end
for i = 4, #ARGV, 2 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  redis.call('HSET', key .. ':at', ARGV[i], sequence)
end
redis.call('HSET', key .. ':at', '@', sequence)
redis.call('PEXPIRE', key, lease)
redis.call('PEXPIRE', key .. ':at', lease)
redis.call('ZADD', p .. 'ledger', now + lease, id)
if #ARGV > 3 then redis.call('PUBLISH', p .. 'ledger', id) end
return 'written'`;

const READ = `
local p, lease = KEYS[1], tonumber(ARGV[1])
local known = {}
for i = 2, #ARGV, 2 do known[ARGV[i]] = tonumber(ARGV[i + 1]) end
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
local out = {}
local live = redis.call('ZRANGEBYSCORE', p .. 'ledger', '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES')
for i = 1, #live, 2 do
  local id, at = live[i], redis.call('HGETALL', p .. 'ledger:' .. live[i] .. ':at')
  local names, newest, since = {}, 0, known[live[i]] or -1
  for j = 1, #at, 2 do
    local sequence = tonumber(at[j + 1])
    if at[j] == '@' then newest = sequence elseif sequence > since then table.insert(names, at[j]) end
  end
  local values = {}
  if #names > 0 then values = redis.call('HMGET', p .. 'ledger:' .. id, unpack(names)) end
  local parts = {}
  for j, name in ipairs(names) do
    table.insert(parts, name)
    table.insert(parts, values[j] or '')
  end
  if #at > 0 then table.insert(out, {id, math.max(0, now - (tonumber(live[i + 1]) - lease)), newest, parts}) end
end
return out`;

export const LEDGER_SCRIPTS = {
  serinLedgerJoin: JOIN,
  serinLedgerWrite: WRITE,
  serinLedgerRead: READ,
};

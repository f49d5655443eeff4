/**
 * The due set's scripts, and who is to blame when whoever ran a subject is gone.
 *
 * `leases` holds, for each leased subject, `<end>|<runner>`. A lease that is found when it has ended is one that nobody
 * gave up: its runner still works on it, or has died. `runners` holds when each runner looked last, and the suspect that
 * it runs: `<ms>|<subject>`. `crashes` holds when a rollout was blamed. Rollouts that were blamed lately are suspects: a
 * runner has one of them under way at a time, and when it dies, that one is to blame and not the others.
 */
const SHARED = `
local p = KEYS[1]
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
local function ms(n) return string.format('%.0f', n) end
local function crashes(subject)
  local kept, raw = {}, redis.call('HGET', p .. 'crashes', subject)
  for at in string.gmatch(raw or '', '%d+') do
    if tonumber(at) > now - 600000 then table.insert(kept, at) end
  end
  return kept
end
local function blame(subject)
  local kept = crashes(subject)
  table.insert(kept, ms(now))
  while #kept > 10 do table.remove(kept, 1) end
  redis.call('HSET', p .. 'crashes', subject, table.concat(kept, ' '))
end
`;

/** A runner looks every 2 s at the least. Who has been silent for so long is gone. */
const SILENT_MS = 2_600;

/** A lease is remembered by the score it set: whoever schedules the subject anew forgets the lease. */
const LEASE = `${SHARED}
local limit, leaseMs, me, suspect = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local seen = redis.call('HGET', p .. 'runners', me)
-- Who could not look lately cannot tell a dead runner from a store that was away.
local sees = not seen or now - tonumber(string.match(seen, '^%d+')) <= 3000
local rows = redis.call('ZRANGEBYSCORE', p .. 'due', '-inf', ms(now), 'WITHSCORES', 'LIMIT', 0, limit)
local out = {}
for i = 1, #rows, 2 do
  local subject, take = rows[i], true
  local isRollout = string.sub(subject, 1, 8) == 'rollout/'
  if isRollout then
    local ended, runner, again = string.match(redis.call('HGET', p .. 'leases', subject) or '', '^(%d+)|([^|]+)(|?)')
    if runner and runner ~= me and ended == rows[i + 1] then
      local at, ran = string.match(redis.call('HGET', p .. 'runners', runner) or '0|', '^(%d+)|(.*)$')
      local silent = now - tonumber(at)
      if silent >= ${SILENT_MS} then
        if sees and (ran == '' or ran == subject) then blame(subject) end
        -- Once: it may have to wait for another suspect.
        redis.call('HDEL', p .. 'leases', subject)
      elseif again == '' then
        -- It may be alive: its next look tells.
        local later = ms(tonumber(at) + ${SILENT_MS})
        redis.call('ZADD', p .. 'due', later, subject)
        redis.call('HSET', p .. 'leases', subject, later .. '|' .. runner .. '|')
        take = false
      end
    end
    if take and #crashes(subject) > 0 then
      if suspect ~= '' and suspect ~= subject then take = false else suspect = subject end
    end
  end
  if take then
    local ends = ms(now + leaseMs)
    redis.call('ZADD', p .. 'due', ends, subject)
    redis.call('HSET', p .. 'leases', subject, ends .. '|' .. me)
    local blamed = 0
    if isRollout then blamed = #crashes(subject) end
    table.insert(out, subject)
    table.insert(out, rows[i + 1])
    table.insert(out, tostring(blamed))
  end
end
redis.call('HSET', p .. 'runners', me, ms(now) .. '|' .. suspect)
if not seen then
  local all = redis.call('HGETALL', p .. 'runners')
  for i = 1, #all, 2 do
    if now - tonumber(string.match(all[i + 1], '^%d+') or 0) > 600000 then redis.call('HDEL', p .. 'runners', all[i]) end
  end
end
return out`;

/** For a run that was not due: `-1`, and it is due, when another suspect is under way. */
const TAKE = `${SHARED}
local subject, leaseMs, me, suspect = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local blamed = #crashes(subject)
if blamed > 0 then
  if suspect ~= '' and suspect ~= subject then
    redis.call('ZADD', p .. 'due', 'LT', ms(now), subject)
    return -1
  end
  redis.call('HSET', p .. 'runners', me, ms(now) .. '|' .. subject)
end
local ends = ms(now + leaseMs)
redis.call('ZADD', p .. 'due', ends, subject)
redis.call('HSET', p .. 'leases', subject, ends .. '|' .. me)
return blamed`;

const BLAME = `${SHARED}
blame(ARGV[1])
return 1`;

const SCHEDULE = `
redis.call('ZADD', KEYS[1] .. 'due', ARGV[2], ARGV[1])
redis.call('HDEL', KEYS[1] .. 'leases', ARGV[1])
return 1`;

const FORGET = `
if redis.call('HDEL', KEYS[1] .. 'leases', ARGV[1]) == 1 then redis.call('ZREM', KEYS[1] .. 'due', ARGV[1]) end
return 1`;

export const DUE_SCRIPTS = {
  serinDueLease: LEASE,
  serinDueTake: TAKE,
  serinDueBlame: BLAME,
  serinDueSchedule: SCHEDULE,
  serinDueForget: FORGET,
};

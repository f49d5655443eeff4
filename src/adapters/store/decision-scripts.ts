import { MAX_DECISION_BYTES, MAX_DECISIONS } from '../../core/replay/decision.ts';

/**
 * One list per rollout, each entry `<run> <looks> <rev>` and a line break before what was packed; `-` is no run. A look
 * takes the place of the last one when that and the one before it are of its run. The hash `decided` has the bytes of
 * each list: what is above the bounds goes from the front, which costs the same whatever there is.
 */
export const KEEP_DECISION_LUA = `
local function keep(p, id, run, rev, packed)
  local key = p .. 'decisions:' .. id
  local looks, grown = 1, 0
  local last = run ~= '' and redis.call('LINDEX', key, -1)
  local before = last and redis.call('LINDEX', key, -2)
  local function ofRun(entry) return string.sub(entry, 1, #run + 1) == run .. ' ' end
  local again = last and before and ofRun(last) and ofRun(before)
  if again then looks = tonumber(string.match(last, '^%S+ (%d+)') or 0) + 1 end
  if run == '' then run = '-' end
  local entry = run .. ' ' .. string.format('%.0f', looks) .. ' ' .. rev .. '\\n' .. packed
  if again then
    redis.call('LSET', key, -1, entry)
    grown = #entry - #last
  else
    redis.call('RPUSH', key, entry)
    grown = #entry
  end
  local bytes = redis.call('HINCRBY', p .. 'decided', id, string.format('%.0f', grown))
  local count = redis.call('LLEN', key)
  while count > 1 and (bytes > ${MAX_DECISION_BYTES} or count > ${MAX_DECISIONS}) do
    local gone = redis.call('LPOP', key)
    bytes = redis.call('HINCRBY', p .. 'decided', id, string.format('%.0f', -#gone))
    count = count - 1
  end
end
`;

/** What the list holds now: its length, and the last entry. */
export const DECISION_ENDS_LUA = `
local function decisionEnds(p, id)
  local key = p .. 'decisions:' .. id
  return {id, string.format('%.0f', redis.call('LLEN', key)), redis.call('LINDEX', key, -1) or ''}
end
`;

/** The installation in a few numbers. Costs one pass over the active rollouts. */
export const CENSUS = `
local p = KEYS[1]
local t = redis.call('TIME')
local phases, evidence = {}, ''
for _, note in ipairs(redis.call('HVALS', p .. 'active')) do
  local phase, at = string.match(note, '^(%S+) (%d*)$')
  if phase then
    phases[phase] = (phases[phase] or 0) + 1
    if at ~= '' and (evidence == '' or tonumber(at) < tonumber(evidence)) then evidence = at end
  end
end
local oldest = redis.call('ZRANGE', p .. 'waiting', 0, 0, 'WITHSCORES')
local due = redis.call('ZRANGE', p .. 'due', 0, 0, 'WITHSCORES')
local out = {
  string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000)),
  evidence,
  tostring(redis.call('ZCARD', p .. 'waiting')),
  oldest[2] or '',
  tostring(redis.call('LLEN', p .. 'dead')),
  due[2] or ''
}
for phase, n in pairs(phases) do
  table.insert(out, phase)
  table.insert(out, tostring(n))
end
return out`;

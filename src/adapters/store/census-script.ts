/** The installation in a few numbers, which commits keep: it costs the same whatever there is. */
export const CENSUS = `
local p = KEYS[1]
local t = redis.call('TIME')
local evidence = redis.call('ZRANGE', p .. 'evidence', 0, 0, 'WITHSCORES')
local oldest = redis.call('ZRANGE', p .. 'waiting', 0, 0, 'WITHSCORES')
local due = redis.call('ZRANGE', p .. 'due', 0, 0, 'WITHSCORES')
local out = {
  string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000)),
  evidence[2] or '',
  tostring(redis.call('ZCARD', p .. 'waiting')),
  oldest[2] or '',
  tostring(redis.call('LLEN', p .. 'dead')),
  due[2] or '',
  tostring(redis.call('ZCARD', p .. 'evidence')),
  tostring(redis.call('SCARD', p .. 'blind')),
  redis.call('HGET', p .. 'record:breaker/evidence', 'body') or ''
}
local phases = redis.call('HGETALL', p .. 'phases')
for i = 1, #phases, 2 do
  if phases[i + 1] ~= '0' then
    table.insert(out, phases[i])
    table.insert(out, phases[i + 1])
  end
end
return out`;

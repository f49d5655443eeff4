/**
 * An older engine must not write over, or delete, what it would misread, whatever it has made of it. Stamps are
 * `<version>^<version that may read it>` in the field `schema` of a record, and in front of a cell of a table.
 */
export const UNTOUCHABLE_LUA = `
local function untouchable(p, version, writes, traffic, trials, tables)
  local function beyond(what, stamp)
    local needs = string.match(stamp or '', '%^(%d+)$')
    if needs and tonumber(needs) > tonumber(version) then return {'beyond', what, needs} end
  end
  local function field(key, name)
    local text = redis.pcall('HGET', p .. key, name)
    return type(text) == 'string' and text or nil
  end
  local function record(name) return beyond(name, field('record:' .. name, 'schema')) end
  local function cell(fleet, name, text)
    return beyond('traffic:' .. fleet .. ' ' .. name, string.match(text or '', '^%d+@([^|]*)|'))
  end
  local function owner(fleet, name) return cell(fleet, name, field('traffic:' .. fleet, name)) end
  for _, w in ipairs(writes) do
    local found = record(w[1])
    local ended = w[2] == 'delete' and string.match(w[1], '^rollout/(.+)$')
    if not found and ended then found = record('judge/' .. ended) or record('verdicts/' .. ended) end
    if found then return found end
  end
  for _, t in ipairs(traffic) do
    local found = owner(t[1], t[2])
    if found then return found end
  end
  for _, t in ipairs(trials) do
    local found = owner(t[1], '@trial')
    if found then return found end
  end
  for _, t in ipairs(tables) do
    local cells = redis.call('HGETALL', p .. 'traffic:' .. t[1])
    for i = 1, #cells, 2 do
      local found = cell(t[1], cells[i], cells[i + 1])
      if found then return found end
    end
  end
end`;

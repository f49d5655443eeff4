/**
 * The store's history: `head` holds the number of commits and a hash chained over what they say, `journal` the hashes of the
 * last ones, `successors` by which epoch another one was followed. `guard` says why nobody may use the store; a witness is
 * `epoch, n, hash, replica`, with an empty epoch for one who has seen nothing yet.
 */
export const GUARD_LUA = `
local function guard(p, epoch, n, hash, by)
  local frozen = redis.call('GET', p .. 'frozen')
  if frozen or epoch == '' then return frozen end
  local proven = false
  local have = redis.call('GET', p .. 'epoch') or ''
  local count = redis.call('HGET', p .. 'head', 'n') or '0'
  local reason
  if have ~= epoch then
    local at = epoch
    for _ = 1, 1000 do
      at = redis.call('HGET', p .. 'successors', at)
      if not at or at == have then break end
    end
    if not at or have == '' then reason = 'replaced' end
  elseif tonumber(count) < tonumber(n) then reason = 'lost'
  elseif tonumber(n) > 0 then
    local entry = redis.call('XRANGE', p .. 'journal', n .. '-0', n .. '-0')[1]
    if entry and entry[2][2] ~= hash then reason = 'diverged' end
    proven = entry ~= nil
  end
  if not reason then return false, proven end
  local t = redis.call('TIME')
  frozen = cjson.encode({
    reason = reason, by = by,
    seen = { epoch = epoch, n = n }, found = { epoch = have, n = count },
    atMs = string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000)),
  })
  redis.call('SET', p .. 'frozen', frozen)
  return frozen
end
local function head(p)
  local row = redis.call('HMGET', p .. 'head', 'n', 'hash')
  return row[1] or '0', row[2] or ''
end
`;

export const LOOK_LUA = `${GUARD_LUA}
local p = KEYS[1]
local frozen = guard(p, ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if frozen then
  local sane, freeze = pcall(cjson.decode, frozen)
  local seen = sane and type(freeze) == 'table' and freeze.seen
  -- Whoever has seen more says so: what is written again must reach that far.
  if type(seen) == 'table' and seen.epoch == ARGV[1] and (tonumber(seen.n) or 0) < tonumber(ARGV[2]) then
    seen.n = ARGV[2]
    frozen = cjson.encode(freeze)
    redis.call('SET', p .. 'frozen', frozen)
  end
  return {'frozen', frozen, '', ''}
end
local n, hash = head(p)
return {'trusted', redis.call('GET', p .. 'epoch') or '', n, hash}`;

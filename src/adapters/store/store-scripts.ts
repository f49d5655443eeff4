import type { Redis } from 'ioredis';
import { DUMP_LUA, LOAD_BEGIN_LUA, LOAD_END_LUA, LOAD_WRITE_LUA, SCHEMA_LUA } from './archive-scripts.ts';
import { CENSUS } from './census-script.ts';
import { COMMIT_LUA } from './commit-script.ts';
import { DUE_SCRIPTS } from './due-scripts.ts';
import { LEDGER_SCRIPTS } from './ledger-scripts.ts';
import { GUARD_LUA, LOOK_LUA } from './lineage-scripts.ts';
import { HISTORY_LUA, LAST_EVENTS_LUA, REPLAYED_LUA, REVS_LUA } from './tail-scripts.ts';

/** A key of the wrong type reads as a broken record, not as a broken store. */
const READ = `
local out = {}
for i, name in ipairs(ARGV) do
  local r = redis.pcall('HMGET', KEYS[1] .. 'record:' .. name, 'rev', 'body', 'schema')
  if r.err then r = {'?', ''} end
  out[i] = {r[1] or '', r[2] or '', r[3] or ''}
end
return out`;

const LIST = `
local limit, cursor = tonumber(ARGV[2]), ARGV[3]
local from = '+inf'
if cursor ~= '' then from = '(' .. cursor end
local hits = redis.call('ZREVRANGEBYSCORE', KEYS[1] .. 'index:' .. ARGV[1], from, '-inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
local out = {}
for i = 1, #hits, 2 do
  local r = redis.pcall('HMGET', KEYS[1] .. 'record:' .. hits[i], 'rev', 'body', 'schema')
  if r.err then r = {'?', ''} end
  table.insert(out, {hits[i], hits[i + 1], r[1] or '', r[2] or '', r[3] or ''})
end
return out`;

/**
 * A fleet nobody has written yet is at n 0 of the store's epoch, which begins with the first question for it. Who knows the
 * table of an earlier revision gets what has changed since, and the mere names of the rest: as long as it is proven that
 * the store is still the one which was read then.
 */
const TABLE = `${GUARD_LUA}
local p, fleet, knownEpoch, knownN = KEYS[1], ARGV[1], ARGV[7], ARGV[8]
local frozen, proven = guard(p, ARGV[3], ARGV[4], ARGV[5], ARGV[6])
if frozen then return {'', frozen, '', '', {}} end
local key = p .. 'traffic:' .. fleet
local now = redis.call('HMGET', key, '@epoch', '@n', '@beside')
local share, rows = 'whole', {}
if proven and knownN ~= '' and now[1] == knownEpoch and (tonumber(now[2]) or 0) >= tonumber(knownN) then
  if now[2] == knownN then share = 'same'
  elseif (tonumber(now[3]) or 0) <= tonumber(knownN) then share = 'changes' end
end
if share ~= 'same' then rows = redis.call('HGETALL', key) end
if share == 'changes' then
  for i = 1, #rows, 2 do
    local n = string.sub(rows[i], 1, 1) ~= '@' and tonumber(string.match(rows[i + 1], '^%d+'))
    if n and n <= tonumber(knownN) then rows[i + 1] = '' end
  end
end
local epoch = redis.call('GET', p .. 'epoch')
if not epoch then
  redis.call('SET', p .. 'epoch', ARGV[2])
  epoch = ARGV[2]
end
local n, hash = head(p)
return {epoch, n, hash, share, rows}`;

const OUTBOX_HEAD = `
local raw = redis.call('LINDEX', KEYS[1] .. 'outbox:' .. ARGV[1], 0)
if not raw then return {} end
local tries = redis.call('HMGET', KEYS[1] .. 'attempts:' .. ARGV[1], 'id', 'n', 'first')
return {raw, tries[1] or '', tries[2] or '', tries[3] or ''}`;

/**
 * Takes a notice out, wherever it stands, and with a reason keeps it in the dead-letter list. What is left in the
 * queue is due at once; an empty queue leaves the due set in the same stroke, so no new notice can be missed.
 */
const OUTBOX_TAKE = `
local p, queue, id, reason = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local key, mark, subject = p .. 'outbox:' .. queue, id .. '\\n', 'outbox/' .. queue
for i, raw in ipairs(redis.call('LRANGE', key, 0, -1)) do
  if string.sub(raw, 1, #mark) == mark then
    if reason ~= '' then
      redis.call('LPUSH', p .. 'dead', queue .. '\\n' .. reason .. '\\n' .. string.sub(raw, #mark + 1))
      redis.call('LTRIM', p .. 'dead', 0, 9999)
    end
    redis.call('LREM', key, 1, raw)
    if i == 1 then
      redis.call('DEL', p .. 'attempts:' .. queue)
      local next = redis.call('LINDEX', key, 0)
      local sane, notice = pcall(cjson.decode, next and string.match(next, '\\n(.*)') or '')
      if not next then redis.call('ZREM', p .. 'waiting', queue)
      elseif sane and tonumber(notice.atMs) then
        redis.call('ZADD', p .. 'waiting', string.format('%.0f', notice.atMs), queue)
      end
    end
    redis.call('HDEL', p .. 'leases', subject)
    if redis.call('EXISTS', key) == 1 then
      local t = redis.call('TIME')
      redis.call('ZADD', p .. 'due', string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000)), subject)
    else
      redis.call('ZREM', p .. 'due', subject)
    end
    return 1
  end
end
return 0`;

const OUTBOX_RETRY = `
local p, queue, id, at, reason = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local raw = redis.call('LINDEX', p .. 'outbox:' .. queue, 0)
if not raw or string.sub(raw, 1, #id + 1) ~= id .. '\\n' then return 0 end
local key = p .. 'attempts:' .. queue
if redis.call('HGET', key, 'id') ~= id then redis.call('DEL', key) end
local t = redis.call('TIME')
redis.call('HSETNX', key, 'first', string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000)))
redis.call('HSET', key, 'id', id, 'detail', reason)
redis.call('HINCRBY', key, 'n', 1)
redis.call('HDEL', p .. 'leases', 'outbox/' .. queue)
redis.call('ZADD', p .. 'due', at, 'outbox/' .. queue)
return 1`;

/** The first write is one that Redis refuses when it is out of memory, so nothing is taken out that was not put in. */
const OUTBOX_FOLD = `
local p, queue, raw = KEYS[1], ARGV[1], ARGV[2]
local key, count = p .. 'outbox:' .. queue, #ARGV - 2
local have = redis.call('LRANGE', key, 0, count - 1)
if #have ~= count then return 0 end
for i, entry in ipairs(have) do
  local mark = ARGV[i + 2] .. '\\n'
  if string.sub(entry, 1, #mark) ~= mark then return 0 end
end
redis.call('LSET', key, count - 1, raw)
redis.call('LTRIM', key, count - 1, -1)
local tries = p .. 'attempts:' .. queue
if redis.call('HGET', tries, 'id') == ARGV[3] then
  local t = redis.call('TIME')
  local now = string.format('%.0f', math.floor((t[1] * 1000000 + t[2]) / 1000))
  redis.call('HSET', tries, 'id', ARGV[#ARGV], 'first', now)
end
return 1`;

const SCRIPTS = {
  serinCommit: COMMIT_LUA,
  serinRead: READ,
  serinList: LIST,
  serinTable: TABLE,
  serinOutboxHead: OUTBOX_HEAD,
  serinOutboxTake: OUTBOX_TAKE,
  serinOutboxRetry: OUTBOX_RETRY,
  serinOutboxFold: OUTBOX_FOLD,
  serinCensus: CENSUS,
  serinDump: DUMP_LUA,
  serinLoadBegin: LOAD_BEGIN_LUA,
  serinLoadWrite: LOAD_WRITE_LUA,
  serinLoadEnd: LOAD_END_LUA,
  serinSchema: SCHEMA_LUA,
  serinLook: LOOK_LUA,
  serinHistory: HISTORY_LUA,
  serinRevs: REVS_LUA,
  serinLastEvents: LAST_EVENTS_LUA,
  serinReplayed: REPLAYED_LUA,
  ...DUE_SCRIPTS,
  ...LEDGER_SCRIPTS,
};

type Script = (prefix: string, ...args: readonly string[]) => Promise<unknown>;
/** A client that knows the store's scripts. */
export type StoreClient = Redis & Readonly<Record<keyof typeof SCRIPTS, Script>>;

/** Every script takes the key prefix as its only key. */
export function withStoreScripts(client: Redis): StoreClient {
  for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 1, lua });
  return client as StoreClient;
}

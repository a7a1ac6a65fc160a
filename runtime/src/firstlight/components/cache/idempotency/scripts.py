"""The steps of idempotency keys as scripts. The clock is the server's.

A record is a hash. Two more keys are shared by all: a sorted set of the records by the moment at which they expire, and
a hash with what each caller uses. Records have no time to live of their own, so that `volatile-lru`, which evicts what
has one, never evicts a record before its time. Each step removes some that have expired; a background task the rest.
"""

_REMOVE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
-- KEYS[1]: the set. KEYS[2]: the usage.
local function use(caller, keys, bytes)
  for _, each in ipairs({caller, 'all'}) do
    local left = redis.call('HINCRBY', KEYS[2], each .. ' keys', keys)
    redis.call('HINCRBY', KEYS[2], each .. ' bytes', bytes)
    if left <= 0 then redis.call('HDEL', KEYS[2], each .. ' keys', each .. ' bytes') end
  end
end
local function remove(record)
  local size, caller = unpack(redis.call('HMGET', record, 'size', 'caller'))
  redis.call('DEL', record)
  redis.call('ZREM', KEYS[1], record)
  if caller then use(caller, -1, -size) end
end
local function remove_expired(most)
  local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, most)
  for _, record in ipairs(expired) do remove(record) end
  return #expired
end
local function used(caller)
  local keys, bytes = unpack(redis.call('HMGET', KEYS[2], caller .. ' keys', caller .. ' bytes'))
  return tonumber(keys or 0), tonumber(bytes or 0)
end
"""

RESERVE = (
    _REMOVE
    + """
-- KEYS[3]: the record. ARGV: token, fingerprint, seconds, size, caller, most keys, most bytes, those of one caller.
-- Returns {1} for a reservation, {2, fingerprint, status, headers, body} for a record, {3, whose limit, seconds}.
remove_expired(10)
local record, caller = KEYS[3], ARGV[5]
local expires = redis.call('ZSCORE', KEYS[1], record)
if expires and tonumber(expires) <= now then
  remove(record)
elseif expires then
  return {2, unpack(redis.call('HMGET', record, 'fingerprint', 'status', 'headers', 'body'))}
end
local size = tonumber(ARGV[4])
local keys, bytes = used('all')
local own_keys, own_bytes = used(caller)
local own = own_keys >= tonumber(ARGV[8]) or own_bytes + size > tonumber(ARGV[9])
if own or keys >= tonumber(ARGV[6]) or bytes + size > tonumber(ARGV[7]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or now
  return {3, own and 'own' or 'all', tostring(first - now)}
end
redis.call('HSET', record, 'token', ARGV[1], 'fingerprint', ARGV[2], 'size', size, 'caller', caller)
redis.call('ZADD', KEYS[1], now + ARGV[3], record)
use(caller, 1, size)
return {1}
"""
)

COMPLETE = (
    _REMOVE
    + """
-- KEYS[3]: the record. ARGV: token, seconds, status, headers, body, whether there is one, added size, most bytes, those
-- of one caller. Returns `stored`, `shortened` or `expired`.
local record = KEYS[3]
local token, caller = unpack(redis.call('HMGET', record, 'token', 'caller'))
local expires = redis.call('ZSCORE', KEYS[1], record)
if token ~= ARGV[1] or not expires or tonumber(expires) <= now then return 'expired' end
local added = tonumber(ARGV[7])
local _, bytes = used('all')
local _, own_bytes = used(caller)
local fits = bytes + added <= tonumber(ARGV[8]) and own_bytes + added <= tonumber(ARGV[9])
redis.call('HSET', record, 'status', ARGV[3])
if fits then
  redis.call('HSET', record, 'headers', ARGV[4])
  if ARGV[6] == '1' then redis.call('HSET', record, 'body', ARGV[5]) end
  redis.call('HINCRBY', record, 'size', added)
  use(caller, 0, added)
end
redis.call('ZADD', KEYS[1], now + ARGV[2], record)
return fits and 'stored' or 'shortened'
"""
)

RELEASE = (
    _REMOVE
    + """
-- KEYS[3]: the record. ARGV[1]: token.
local token, status = unpack(redis.call('HMGET', KEYS[3], 'token', 'status'))
if token == ARGV[1] and not status then remove(KEYS[3]) end
"""
)

REMOVE_EXPIRED = (
    _REMOVE
    + """
-- ARGV[1]: how many at most. Returns {how many, keys, bytes that are left}.
return {remove_expired(tonumber(ARGV[1])), used('all')}
"""
)

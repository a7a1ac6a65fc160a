"""The Lua scripts that Redis runs: each is one step that nothing else comes between.

A lock is `r:<token>:<epoch>` while its owner loads, `w:<token>` while it writes, and `x` after two writes at the same
time or an entry that must settle. A change of the entry takes the lock away, so a load that began before keeps
nothing. Forgetting entries by pattern or tag begins another epoch: locks of an older one do not count.
Tokens of tags are random: a tag that was forgotten, or evicted, fits no entry of before.
An entry is a field of a hash; other fields are those of other versions. All of them are forgotten together, and the
hash ends when the first of them does.
"""

# An entry, or a lock for its load. KEYS: entry, lock, epoch. ARGV: token, lock milliseconds, 1 to look for the entry,
# its field. Returns the entry; {1, lock}; {0} while another one loads; {2} while nothing may be kept.
ACQUIRE = """
if ARGV[3] == '1' then
  local found = redis.pcall('HGET', KEYS[1], ARGV[4])
  if type(found) == 'string' then return found end
end
local epoch = redis.call('GET', KEYS[3]) or ''
local lock = redis.call('GET', KEYS[2])
if lock and string.sub(lock, 1, 2) ~= 'r:' then return {2} end
if lock and string.sub(lock, 20) == epoch then return {0} end
lock = 'r:' .. ARGV[1] .. ':' .. epoch
redis.call('SET', KEYS[2], lock, 'PX', ARGV[2])
return {1, lock}
"""

# Writes an entry: used by FILL, PUT and END. `at` is the first argument: head, payload, milliseconds, milliseconds of
# tags, a new token, field; then the tags. KEYS from 4 on are those of the tags.
_SET = """
local function set(at)
  local value = ARGV[at]
  local tags = {}
  for i = 4, #KEYS do
    local token = redis.call('GET', KEYS[i])
    local lasts = tonumber(ARGV[at + 3])
    if not token then
      token = ARGV[at + 4]
      redis.call('SET', KEYS[i], token, 'PX', 2 * lasts)
    elseif redis.call('PTTL', KEYS[i]) < lasts then
      redis.call('PEXPIRE', KEYS[i], 2 * lasts)
    end
    tags[ARGV[at + 2 + i]] = token
  end
  if #KEYS > 3 then value = value .. ',"tags":' .. cjson.encode(tags) end
  local field, left = ARGV[at + 5], -1
  local fields = redis.pcall('HLEN', KEYS[1])
  if type(fields) ~= 'number' then
    redis.call('DEL', KEYS[1])
  elseif fields > redis.call('HEXISTS', KEYS[1], field) then
    left = redis.call('PTTL', KEYS[1])
  end
  redis.call('HSET', KEYS[1], field, value .. '}\\n' .. ARGV[at + 1])
  if left < 0 or tonumber(ARGV[at + 2]) < left then redis.call('PEXPIRE', KEYS[1], ARGV[at + 2]) end
end
"""

# Keeps what was loaded, if nothing has changed. KEYS: entry, lock, epoch, tags. ARGV: lock, entry.
FILL = (
    _SET
    + """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if (redis.call('GET', KEYS[3]) or '') ~= string.sub(ARGV[1], 20) then return 0 end
set(2)
return 1
"""
)

# Ends a load without an entry. KEYS: lock. ARGV: lock.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# Gives a load more time. KEYS: lock. ARGV: lock, milliseconds.
RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"

# Writes an entry in any case. KEYS: entry, lock, epoch, tags. ARGV: entry.
PUT = (
    _SET
    + """
redis.call('DEL', KEYS[1], KEYS[2])
set(1)
return 1
"""
)

# Forgets an entry, and loads that have begun. KEYS: entry, lock. ARGV: milliseconds until something may be kept again.
FORGET = """
local removed = redis.call('DEL', KEYS[1])
if ARGV[1] == '0' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], 'x', 'PX', ARGV[1]) end
return removed
"""

# Begins a write: from now on there is no entry, and no load may keep one. KEYS: entry, lock. ARGV: token, milliseconds.
BEGIN = """
redis.call('DEL', KEYS[1])
local lock = redis.call('GET', KEYS[2])
local mark = 'w:' .. ARGV[1]
if lock and string.sub(lock, 1, 2) ~= 'r:' then mark = 'x' end
redis.call('SET', KEYS[2], mark, 'PX', ARGV[2])
return 1
"""

# Ends a write. Its entry is kept if there was no other write. KEYS: entry, lock, epoch, tags. ARGV: token, lock
# milliseconds, 1 to keep the entry, milliseconds to settle, entry.
END = (
    _SET
    + """
local lock = redis.call('GET', KEYS[2])
if lock == 'w:' .. ARGV[1] then
  if ARGV[3] == '1' then
    redis.call('DEL', KEYS[2])
    set(5)
    return 1
  end
  redis.call('DEL', KEYS[1])
  if ARGV[4] == '0' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], 'x', 'PX', ARGV[4]) end
  return 0
end
redis.call('DEL', KEYS[1])
if lock and string.sub(lock, 1, 2) == 'w:' then
  redis.call('SET', KEYS[2], 'x', 'PX', ARGV[2])
elseif lock and lock ~= 'x' then
  redis.call('DEL', KEYS[2])
end
return 0
"""
)

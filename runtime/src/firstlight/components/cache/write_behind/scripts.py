"""The scripts of queues in Redis. Each is one atomic step, in the server's memory and in its append-only file.

A queue has a stream of entries, a stream of the writes that were set aside, and the number of writes in the first one.
"""

PUT = """
-- KEYS: entries, set aside, depth, mark of this call. ARGV: writes, their number, most writes,
-- milliseconds of the mark.
-- A client that has lost the answer sends the same call again: the mark says that it was carried out.
if redis.call('EXISTS', KEYS[4]) == 1 then
  return 1
end
local depth = tonumber(redis.call('GET', KEYS[3]) or '0')
if depth + redis.call('XLEN', KEYS[2]) + tonumber(ARGV[2]) > tonumber(ARGV[3]) then
  return 0
end
redis.call('XADD', KEYS[1], '*', 'writes', ARGV[1], 'number', ARGV[2])
redis.call('INCRBY', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], '1', 'PX', ARGV[4])
return 1
"""

FLUSH = """
-- KEYS: entries, set aside, depth. ARGV[1]: the entries as JSON, see `stream.py`.
-- An entry that is not there any more was flushed by another instance. XDEL comes first: if the server refuses it,
-- nothing has happened; after it, the server refuses no command of this script for a lack of memory or a full disk.
local writes, reasons = 0, {}
for _, entry in ipairs(cjson.decode(ARGV[1])) do
  if redis.call('XDEL', KEYS[1], entry.id) == 1 then
    redis.call('DECRBY', KEYS[3], entry.number)
    for _, write in ipairs(entry.writes) do
      local reason = write.reason
      for _, command in ipairs(write.commands) do
        local answer = redis.pcall(unpack(command))
        if type(answer) == 'table' and answer.err then
          reason = answer.err
          break
        end
      end
      if reason then
        redis.call('XADD', KEYS[2], '*', 'write', write.text, 'reason', reason)
        table.insert(reasons, reason)
      else
        writes = writes + 1
      end
    end
  end
end
return {writes, reasons}
"""

REQUEUE = """
-- KEYS: entries, set aside, depth. ARGV[1]: how many.
local found = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(found) do
  redis.call('XDEL', KEYS[2], entry[1])
  redis.call('XADD', KEYS[1], '*', 'writes', '[' .. entry[2][2] .. ']', 'number', 1)
  redis.call('INCRBY', KEYS[3], 1)
end
return #found
"""

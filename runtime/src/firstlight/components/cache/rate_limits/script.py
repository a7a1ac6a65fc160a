"""The step that takes from limits, as one script: no other client sees a part of it, and the clock is the server's.

The algorithms are those of `firstlight.rate_limits.algorithms`, with microseconds since 2026 in place of nanoseconds:
numbers of Lua are exact up to 2^53. Microseconds have fractions, because a token may come back in less than one.
"""

TAKE = """
-- KEYS: the states. ARGV[1]: requests as JSON; each is a list of claims {key, cost, algorithm, time, limit, lifetime}.
-- Returns wait, left and reset of one claim after the other, as one text; waits and resets in microseconds.
local SLOTS, LEAST = 30, 0.01
local clock = redis.call('TIME')
local now = (clock[1] - 1767225600) * 1000000 + clock[2]
local rules = {}

function rules.bucket(state, cost, interval, capacity)
  local span = interval * capacity
  local rest = tonumber(state) or now
  if rest < now or rest > now + span + LEAST then rest = now end -- at rest, or of a clock that was set back
  local moved = rest + cost * interval
  local wait = moved - now - span
  if wait > LEAST then
    return nil, math.ceil(wait), math.floor((span + now - rest) / interval + 0.000001), rest - now
  end
  return string.format('%.3f', moved), 0, math.floor(-wait / interval + 0.000001), moved - now
end

function rules.fixed(state, cost, period, limit)
  local stop, count = string.match(state, '^(%d+) (%d+)$')
  stop, count = tonumber(stop) or 0, tonumber(count) or 0
  if now >= stop or stop > now + period then stop, count = now + period, 0 end
  local left = limit - count - cost
  if left < 0 then return nil, stop - now, limit - count, stop - now end
  return string.format('%.0f %.0f', stop, count + cost), 0, left, stop - now
end

function rules.sliding(state, cost, slot, limit)
  local numbers = {}
  for number in string.gmatch(state, '%d+') do table.insert(numbers, tonumber(number)) end
  local at = math.floor(now / slot)
  local newest = table.remove(numbers, 1) or at
  if newest > at + SLOTS + 1 then newest, numbers = at, {} end -- the clock was set back
  at = math.max(at, newest)
  if #numbers == 0 then numbers = {0} end
  for _ = 1, math.min(at - newest, SLOTS + 1) do table.insert(numbers, 0) end
  while #numbers > SLOTS + 1 do table.remove(numbers, 1) end
  local used = 0
  for _, number in ipairs(numbers) do used = used + number end
  local left = limit - used - cost
  local function leaves(place) return (place + 1 + SLOTS) * slot - now end
  if left < 0 then
    local freed, total = 0, 0
    while total < -left and freed < #numbers do
      freed = freed + 1
      total = total + numbers[freed]
    end
    return nil, leaves(at - #numbers + freed), limit - used, leaves(newest)
  end
  numbers[#numbers] = numbers[#numbers] + cost
  return string.format('%.0f ', at) .. table.concat(numbers, ' '), 0, left, leaves(at)
end

local answer = {}
for _, claims in ipairs(cjson.decode(ARGV[1])) do
  local states, passes = {}, true
  for index, claim in ipairs(claims) do
    local before = redis.call('GET', KEYS[claim[1]]) or ''
    local state, wait, left, reset = rules[claim[3]](before, claim[2], claim[4], claim[5])
    if wait > 0 then passes = false end
    states[index] = state
    table.insert(answer, string.format('%.0f %.0f %.0f', wait, left, math.ceil(reset)))
  end
  if passes then
    for index, claim in ipairs(claims) do
      redis.call('SET', KEYS[claim[1]], states[index], 'PX', math.ceil(claim[6] / 1000) + 1)
    end
  end
end
return table.concat(answer, ' ')
"""

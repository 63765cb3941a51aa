-- KEYS: leases
-- ARGV: name holder ms; ms 0 drops it
local now = clock()
local held = redis.call('HMGET', KEYS[1], ARGV[1] .. ':by', ARGV[1] .. ':until')
local mine = held[1] == ARGV[2]
local ms = tonumber(ARGV[3])
if held[1] and not mine and tonumber(held[2]) > now then return 0 end
if ms == 0 then
  if mine then redis.call('HDEL', KEYS[1], ARGV[1] .. ':by', ARGV[1] .. ':until') end
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1] .. ':by', ARGV[2], ARGV[1] .. ':until', string.format('%.0f', now + ms))
keep(KEYS[1])
return 1

-- Jobs that ended and were made today.
-- KEYS: day-live day-bulk unmade
-- ARGV: id created of each
local now = clock()
for i = 1, #ARGV, 2 do
  redis.call('ZREM', KEYS[3], ARGV[i])
  count(KEYS[1], KEYS[2], ARGV[i + 1], ARGV[i], now)
end
return 0

-- KEYS: watch seen over lost doubt who percent woken
-- ARGV: job
-- Doubt stays: whether an event comes after all is still to be seen.
for i = 1, 4 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('ZREM', KEYS[8], ARGV[1])
for i = 6, 7 do redis.call('HDEL', KEYS[i], ARGV[1]) end
return 0

-- KEYS: watch seen over lost doubt who percent
-- ARGV: job
-- Doubt stays: whether an event comes after all is still to be seen.
for i = 1, 4 do redis.call('ZREM', KEYS[i], ARGV[1]) end
for i = 6, 7 do redis.call('HDEL', KEYS[i], ARGV[1]) end
return 0

-- KEYS: watch who unmade
-- ARGV: job id
-- Returns 1 if nobody watched it before.
local now = clock()
local fresh = redis.call('ZADD', KEYS[1], 'NX', string.format('%.0f', now), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
keep(KEYS[1], KEYS[2])
return fresh

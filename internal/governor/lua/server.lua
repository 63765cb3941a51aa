-- Which run of Redis wrote the board. After another one has begun, its last
-- second may be missing: events are not relied on for a while.
-- KEYS: events
-- ARGV: run
-- Returns 1 if the run is another than the one before.
local before = redis.call('HGET', KEYS[1], 'run')
if before == ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'run', ARGV[1])
keep(KEYS[1])
if not before then return 0 end
redis.call('HSET', KEYS[1], 'missed', string.format('%.0f', clock()))
return 1

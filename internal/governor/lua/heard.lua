-- Events were asked for, and the queue answered.
-- KEYS: events
redis.call('HSET', KEYS[1], 'ok', string.format('%.0f', clock()))
keep(KEYS[1])
return 0

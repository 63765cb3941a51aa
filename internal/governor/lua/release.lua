-- KEYS: live-room bulk-room live-line bulk-line due pace left met unmade day-live day-bulk
-- ARGV: id
local now = clock()
local id = ARGV[1]
local n = redis.call('ZREM', KEYS[1], id) + redis.call('ZREM', KEYS[2], id)
leave(KEYS[5], id, KEYS[3], KEYS[4])
redis.call('ZREM', KEYS[8], id)
unmake(KEYS[9], KEYS[10], KEYS[11], id)
if n > 0 then
  freed(KEYS[6], now, n)
  -- Lists may show the job for a while; it is not to take room again.
  redis.call('ZADD', KEYS[7], string.format('%.0f', now), id)
  redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', string.format('%.0f', now - 600000))
  keep(KEYS[7])
end
return n

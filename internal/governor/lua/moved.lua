-- Takes switches out of the line, and notes them in one set instead of another.
-- KEYS: line wild what to from
-- ARGV: ms, then asset seq asset seq …
local now = clock()
for i = 2, #ARGV, 2 do
  local asset, seq = ARGV[i], tonumber(ARGV[i + 1])
  local id = asset .. ':' .. ARGV[i + 1]
  local have = redis.call('HGET', KEYS[3], asset)
  if have and (tonumber(string.match(have, '^%d+')) or 0) <= seq then
    redis.call('HDEL', KEYS[3], asset)
    redis.call('ZREM', KEYS[1], asset)
    redis.call('ZREM', KEYS[2], asset)
  end
  redis.call('ZREM', KEYS[5], id)
  redis.call('ZADD', KEYS[4], string.format('%.0f', now), id)
end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', now - tonumber(ARGV[1])))
keep(KEYS[4])
return 1

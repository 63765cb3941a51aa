-- KEYS: line what sent gone
-- ARGV: asset seq text sentms
local now = clock()
local id = ARGV[1] .. ':' .. ARGV[2]
if redis.call('ZSCORE', KEYS[4], id) then return 1 end
local at = redis.call('ZSCORE', KEYS[3], id)
if at and tonumber(at) > now - tonumber(ARGV[4]) then return 0 end
local have = redis.call('HGET', KEYS[2], ARGV[1])
local seq = have and tonumber(string.match(have, '^%d+')) or 0
if seq > tonumber(ARGV[2]) then return 0 end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if redis.call('ZCARD', KEYS[1]) >= maxline then return 0 end
  seq = 0
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
if seq < tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
end
keep(KEYS[1], KEYS[2])
return 0

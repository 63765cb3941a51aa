-- KEYS: line wild what sent gone
-- ARGV: asset seq text sentms
local now = clock()
local line, other = KEYS[1], KEYS[2]
if string.find(ARGV[3], '*', 1, true) then
  line, other = KEYS[2], KEYS[1]
end
local id = ARGV[1] .. ':' .. ARGV[2]
if redis.call('ZSCORE', KEYS[5], id) then return 1 end
local at = redis.call('ZSCORE', KEYS[4], id)
if at and tonumber(at) > now - tonumber(ARGV[4]) then return 0 end
local have = redis.call('HGET', KEYS[3], ARGV[1])
local seq = have and tonumber(string.match(have, '^%d+')) or 0
if seq > tonumber(ARGV[2]) then return 0 end
if not redis.call('ZSCORE', line, ARGV[1]) then
  if redis.call('ZCARD', line) >= maxline then return 0 end
  seq = 0
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('ZREM', other, ARGV[1])
if seq < tonumber(ARGV[2]) then
  redis.call('ZADD', line, string.format('%.0f', now), ARGV[1])
end
keep(KEYS[1], KEYS[2], KEYS[3])
return 0

-- KEYS: line what
-- ARGV: most
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local out = {string.format('%.0f', clock()), tostring(redis.call('ZCARD', KEYS[1])), newest[2] or '0'}
local line = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
for i = 1, #line, 2 do
  local text = redis.call('HGET', KEYS[2], line[i])
  if text then
    out[#out + 1] = line[i]
    out[#out + 1] = line[i + 1]
    out[#out + 1] = text
  else
    redis.call('ZREM', KEYS[1], line[i])
  end
end
return out

-- The begin of a pass through the lists, if anybody waits for one.
-- KEYS: since due number found pass
-- ARGV: token began, by the cloud's clock
-- Returns how far back it has to go; empty if nobody waits.
local since, due, number, found, pass = unpack(KEYS)
overlook(clock(), since, due, number, found)
if redis.call('HEXISTS', pass, 'want') == 0 then return '' end
local oldest = redis.call('ZRANGE', since, 0, 0, 'WITHSCORES')
if not oldest[1] then
  redis.call('HDEL', pass, 'want')
  return ''
end
redis.call('HINCRBY', pass, 'n', 1)
local reach = string.format('%.0f', tonumber(oldest[2]))
redis.call('HSET', pass, 'token', ARGV[1], 'step', 0, 'began', ARGV[2], 'reach', reach)
keep(pass)
return reach

-- Who looks for the job of an open intent, and what is known of it.
-- KEYS: since due number found pass
-- ARGV: id since after ms-until-forgotten
-- Returns whether a whole pass answers, when it began, and the jobs met.
-- An intent is answered by passes that began once it was known, and as long as
-- it is known; who was forgotten starts anew.
local since, due, number, found, pass = unpack(KEYS)
local id = ARGV[1]
local now = clock()
overlook(now, since, due, number, found)
local n = tonumber(redis.call('HGET', pass, 'n') or '0')
local had = tonumber(redis.call('ZSCORE', since, id) or '-1')
local known = tonumber(redis.call('HGET', number, id) or '-1')
if had ~= tonumber(ARGV[2]) or known < 0 or known > n then
  if had < 0 and redis.call('ZCARD', since) >= maxline then return {'0', '0', ''} end
  redis.call('ZADD', since, ARGV[2], id)
  redis.call('HSET', number, id, n)
  redis.call('HDEL', found, id)
  known = n
end
redis.call('ZADD', due, string.format('%.0f', now + tonumber(ARGV[4])), id)
local p = redis.call('HMGET', pass, 'done', 'done-began', 'done-reach')
local done = p[1] and tonumber(p[1]) > known and tonumber(p[2]) >= tonumber(ARGV[3]) and tonumber(p[3]) <= tonumber(ARGV[2])
local jobs = redis.call('HGET', found, id) or ''
if not done then redis.call('HSET', pass, 'want', n) end
keep(since, due, number, found, pass)
return {done and '1' or '0', p[2] or '0', jobs}

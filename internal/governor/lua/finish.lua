-- The end of a pass that read all the lists.
-- KEYS: pass
-- ARGV: token step
-- Returns 0 if the pass is not this one any more, or a note of it was lost.
local pass = KEYS[1]
local is = redis.call('HMGET', pass, 'token', 'step', 'n', 'began', 'reach', 'want')
if is[1] ~= ARGV[1] or is[2] ~= ARGV[2] then return 0 end
redis.call('HSET', pass, 'done', is[3], 'done-began', is[4], 'done-reach', is[5])
redis.call('HDEL', pass, 'token')
if is[6] and tonumber(is[6]) < tonumber(is[3]) then redis.call('HDEL', pass, 'want') end
return 1

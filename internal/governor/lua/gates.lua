-- KEYS: gates epoch limits
-- Returns the clock, whether there is an epoch, the rate and the cap that
-- workers go by or -1, and scope, gate, ... of those closed.
local now = clock()
local out = {string.format('%.0f', now), redis.call('EXISTS', KEYS[2])}
local l = redis.call('HMGET', KEYS[3], 'rate', 'cap')
out[3], out[4] = l[1] or '-1', l[2] or '-1'
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local g = cjson.decode(all[i + 1])
  if g.by ~= '' and g.ends ~= 0 and g.ends <= now then
    redis.call('HDEL', KEYS[1], all[i])
  else
    out[#out + 1] = all[i]
    out[#out + 1] = all[i + 1]
  end
end
return out

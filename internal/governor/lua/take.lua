-- KEYS: bucket line due seq
-- ARGV: id rate burst grace ahead peek
-- Returns 0 if a token was taken, or, with peek 1, is there to be taken; else
-- the wait. With ahead 1 the place is before those without.
local now = clock()
local id, rate, burst, grace = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ahead = ARGV[5] == '1'
forsake(now, KEYS[3], KEYS[2])
local tokens, flow = fill(KEYS[1], now, rate, burst)
local rank = redis.call('ZRANK', KEYS[2], id)
if not rank then
  if ahead then rank = redis.call('ZCOUNT', KEYS[2], '-inf', '(0') else rank = redis.call('ZCARD', KEYS[2]) end
end
if rank < whole(tokens) then
  if ARGV[6] == '1' then return 0 end
  pour(KEYS[1], now, tokens - 1)
  leave(KEYS[3], id, KEYS[2])
  return 0
end
if flow == 0 then return 600000 end
-- Not bounded from below: calls that wait in this process may come sooner.
local wait = math.max(1, math.ceil((rank + 1 - tokens) / flow * 1000))
wait = math.floor(math.min(wait, 6 * 3600 * 1000))
stand(KEYS[2], KEYS[3], KEYS[4], id, now + wait + grace, ahead)
return wait

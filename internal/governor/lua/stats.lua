-- KEYS: live-room bulk-room live-line bulk-line watch day-live sweep events day-bulk, then the buckets
-- ARGV: rate burst of each bucket
local now = clock()
local out = {}
for i = 1, 5 do out[i] = string.format('%.0f', redis.call('ZCARD', KEYS[i])) end
out[6] = string.format('%.0f', today(KEYS[6], now) + today(KEYS[9], now))
local done = redis.call('HGET', KEYS[7], 'done')
if done then out[7] = string.format('%.0f', now - tonumber(done)) else out[7] = '-1' end
if healthy(KEYS[8], now) then out[8] = '1' else out[8] = '0' end
for i = 10, #KEYS do
  local at = (i - 10) * 2
  local tokens, flow = fill(KEYS[i], now, tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
  out[#out + 1] = string.format('%.3f', tokens)
  out[#out + 1] = string.format('%.3f', flow)
end
return out

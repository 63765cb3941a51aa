-- The service refused a request: there are no tokens, and fewer come.
-- KEYS: bucket
-- ARGV: rate burst
-- Returns how long until the next token.
local now = clock()
local tokens, flow = fill(KEYS[1], now, tonumber(ARGV[1]), tonumber(ARGV[2]))
local b = redis.call('HMGET', KEYS[1], 'slow', 'since')
local slow = slowness(b[1], b[2], now)
-- Requests that were on their way together are refused together: once counts.
if not b[2] or now - tonumber(b[2]) >= 2000 then
  local half = math.max(slow / 2, 1 / 16)
  redis.call('HSET', KEYS[1], 'slow', string.format('%.6f', half), 'since', string.format('%.0f', now))
  flow = flow * half / slow
end
pour(KEYS[1], now, math.min(tokens, 0))
if flow == 0 then return 600000 end
return bounded(1000 / flow)

-- Who is called now, and when the next sweep is due.
-- KEYS: epoch gates live-room bulk-room live-line bulk-line due bucket day-live sweep events watch day-bulk limits
-- ARGV: cap reserve per-day rate burst grace most account-gate stage-gate
-- Returns the clock, how long until the next sweep, then lane, id, ... to call.
local epoch, gates, liveroom, bulkroom, liveline, bulkline, due, bucket, daylive, sweep, events, watch, daybulk, limits = unpack(KEYS)
local cap, reserve, perday = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local grace, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local now = clock()
-- Those who are no workers cannot know the quotas.
redis.call('HSET', limits, 'rate', ARGV[4], 'cap', ARGV[1])
keep(limits)
local live, bulk = redis.call('ZCARD', liveroom), redis.call('ZCARD', bulkroom)

local wait = 0
local s = redis.call('HMGET', sweep, 'began', 'short', 'every', 'rare')
if s[1] then
  local every = tonumber(s[2])
  if healthy(events, now) then
    every = tonumber(s[4])
  elseif live + bulk == 0 and redis.call('ZCARD', watch) == 0 then
    every = tonumber(s[3])
  end
  -- A clock that was set back does not put the sweeps off.
  wait = math.max(0, math.min(tonumber(s[1]) + every - now, every))
end
local out = {string.format('%.0f', now), string.format('%.0f', wait)}

for i = 8, 9 do
  local closed, every, probe = shut(redis.call('HGET', gates, ARGV[i]), now)
  if closed > 0 then return out end
  if probe then most = 1 end
end
if redis.call('EXISTS', epoch) == 0 then return out end

forsake(now, due, liveline, bulkline)
local tokens = whole((fill(bucket, now, tonumber(ARGV[4]), tonumber(ARGV[5]))))
local forlive, forbulk = tokens, tokens
if perday > 0 then
  forlive, forbulk = left_today(perday, cap, reserve, daylive, daybulk, now)
end
local waiting = redis.call('ZCARD', liveline)
local function call(lane, line, n)
  n = math.min(n, most)
  if n < 1 then return end
  for _, id in ipairs(redis.call('ZRANGE', line, 0, n - 1)) do
    local at = tonumber(redis.call('ZSCORE', due, id) or '0')
    if at > now + grace then
      redis.call('ZADD', due, string.format('%.0f', now + grace), id)
      out[#out + 1] = lane
      out[#out + 1] = id
    end
  end
end
call('live', liveline, math.min(cap - live - bulk, tokens, forlive))
if most > 1 or waiting == 0 then
  call('bulk', bulkline, math.min(cap - live - bulk - waiting, cap - reserve - bulk, tokens - waiting, forbulk - waiting))
end
return out

-- KEYS: watch seen over lost percent sweep events who live-room bulk-room
-- ARGV: job lag
-- Returns whether it is running, percent, when to look again.
local now = clock()
local job, lag = ARGV[1], tonumber(ARGV[2])
local function score(key) return tonumber(redis.call('ZSCORE', key, job) or nil) end

local s = redis.call('HMGET', KEYS[6], 'began', 'done', 'took', 'short', 'every', 'rare')
if not s[1] then return {0, 0, 15000} end
local began, done, took = tonumber(s[1]), tonumber(s[2]), tonumber(s[3])
local every = tonumber(s[4])
if healthy(KEYS[7], now) then every = tonumber(s[6]) end
local fresh = now - done <= 3 * every + took + 60000

local watched, seen, lost = score(KEYS[1]), score(KEYS[2]), score(KEYS[4])
if score(KEYS[3]) or not fresh or (lost and (not seen or lost > seen)) then return {0, 0, 15000} end
if seen then
  -- Whoever ends is woken; this is for wakes that were lost.
  if now - seen > 3 * every + took + 60000 then return {0, 0, 15000} end
  local percent = tonumber(redis.call('HGET', KEYS[5], job) or '0')
  return {1, percent, math.max(300000, math.min(2 * every, 600000))}
end
-- Too young for the last sweep: the next one sees it, or that it has ended.
if not watched or now - watched > 900000 or began > watched + lag then return {0, 0, 15000} end
-- One that holds no room was not submitted lately: it may have ended before
-- anybody watched it, as where Redis lost the board meanwhile.
local id = redis.call('HGET', KEYS[8], job) or ''
if not redis.call('ZSCORE', KEYS[9], id) and not redis.call('ZSCORE', KEYS[10], id) then return {0, 0, 15000} end
return {1, 0, math.floor(math.max(1000, began + every - now + took + 1000))}

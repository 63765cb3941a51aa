-- KEYS: epoch gates day-live live-room bulk-room live-line bulk-line due seq bucket pace left met day-bulk unmade
-- ARGV: lane id cap reserve per-day rate burst grace spread account-gate stage-gate profile-gate
-- Returns 0 if admitted, else the wait.
local epoch, gates, daylive, liveroom, bulkroom, liveline, bulkline, due, seq, bucket, pace, left, met, daybulk, unmade = unpack(KEYS)
local lane, id = ARGV[1], ARGV[2]
local cap, reserve, perday = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local rate, burst, grace, spread = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local now = clock()

-- Gates. One of a profile keeps its tasks out of the line, in which they would
-- be in the way of others; one of all keeps the line.
local probes = {}
local closed, every, probe = shut(redis.call('HGET', gates, ARGV[12]), now)
if closed > 0 then
  leave(due, id, liveline, bulkline)
  return bounded(closed + spread * math.min(every, 60000))
end
if probe then probes[ARGV[12]] = probe end
local wall, again = 0, 0
for i = 10, 11 do
  closed, every, probe = shut(redis.call('HGET', gates, ARGV[i]), now)
  wall, again = math.max(wall, closed), math.max(again, every)
  if probe then probes[ARGV[i]] = probe end
end
if redis.call('EXISTS', epoch) == 0 then wall, again = math.max(wall, 30000), math.max(again, 30000) end

forsake(now, due, liveline, bulkline)
local tokens, flow = fill(bucket, now, rate, burst)

local function go()
  pour(bucket, now, tokens - 1)
  leave(due, id, liveline, bulkline)
  for scope, g in pairs(probes) do
    g.ends, g.probes = now + g.every, g.probes + 1
    g.sent = sent(g.sent, id)
    redis.call('HSET', gates, scope, cjson.encode(g))
  end
  return 0
end

-- A repeat has its room.
if redis.call('ZSCORE', liveroom, id) or redis.call('ZSCORE', bulkroom, id) then
  if wall > 0 then return bounded(wall + spread * 60000) end
  if whole(tokens) >= 1 then return go() end
  if flow == 0 then return 600000 end
  return bounded((1 - tokens) / flow * 1000)
end

-- The place in line, and what there is for the lane.
local line, other, room = liveline, bulkline, liveroom
if lane == 'bulk' then line, other, room = bulkline, liveline, bulkroom end
redis.call('ZREM', other, id)
local rank = redis.call('ZRANK', line, id) or redis.call('ZCARD', line)
local live, bulk = redis.call('ZCARD', liveroom), redis.call('ZCARD', bulkroom)
local free, quota, ahead = cap - live - bulk, 1e9, 0
if perday > 0 then
  local forlive, forbulk = left_today(perday, cap, reserve, daylive, daybulk, now)
  if lane == 'bulk' then quota = forbulk else quota = forlive end
end
if lane == 'bulk' then
  ahead = redis.call('ZCARD', liveline)
  free = math.min(free - ahead, cap - reserve - bulk)
end

local place = rank + ahead
if wall == 0 and rank < free and place < quota and place < whole(tokens) then
  redis.call('ZADD', room, string.format('%.0f', now), id)
  redis.call('ZREM', left, id)
  redis.call('ZREM', met, id)
  keep(room)
  if perday > 0 then
    local day = daylive
    if lane == 'bulk' then day = daybulk end
    redis.call('ZADD', day, string.format('%.0f', now), id)
    redis.call('ZADD', unmade, string.format('%.0f', now), id)
    keep(day, unmade)
  end
  return go()
end

local wait = 0
if wall > 0 then
  wait = wall
  -- One probe is enough; the others are called when the gate is open.
  if place > 0 then wait = wait + 3 * again end
end
if place >= whole(tokens) then
  if flow == 0 then wait = math.max(wait, 600000) else wait = math.max(wait, (place + 1 - tokens) / flow * 1000) end
end
if rank >= free then
  -- Rather too long than too short: whoever has room before is called, and
  -- rooms are found free by sweeps, many at a time.
  local pacing = speed(pace, now, cap)
  if pacing == 0 then wait = math.max(wait, 600000) else wait = math.max(wait, (rank + 1 - free) / pacing * 2 + 30000) end
end
if place >= quota then
  wait = math.max(wait, 86400000 - now % 86400000 + place / math.max(flow, 0.01) * 1000)
end
wait = bounded(wait)
stand(line, due, seq, id, now + wait + grace)
return wait

-- One page of a sweep's lists.
-- KEYS: watch who seen lost percent live-room bulk-room met left doubt woken unmade day-live day-bulk
-- ARGV: begin-of-the-sweep days, then job id percent created of each; id is empty if
-- the job does not say. With days 1 the day has a cap
-- Returns of each whether it is watched under its id.
local watch, who, seen, lost, percent, liveroom, bulkroom, met, left, doubt, woken, unmade, daylive, daybulk = unpack(KEYS)
local now = clock()
local begin = tonumber(ARGV[1])
local out = {}
for i = 3, #ARGV, 4 do
  local job, id = ARGV[i], ARGV[i + 1]
  redis.call('ZADD', seen, string.format('%.0f', now), job)
  redis.call('ZREM', lost, job)
  redis.call('ZREM', doubt, job)
  redis.call('ZREM', woken, job)
  redis.call('HSET', percent, job, ARGV[i + 2])
  if id ~= '' then
    redis.call('ZREM', unmade, id)
    if ARGV[2] == '1' then count(daylive, daybulk, ARGV[i + 3], id, now) end
    local gone = redis.call('ZSCORE', left, id)
    if not (gone and tonumber(gone) > begin - 60000) then
      if not redis.call('ZSCORE', liveroom, id) and not redis.call('ZSCORE', bulkroom, id) then
        redis.call('ZADD', liveroom, ARGV[1], id)
      end
      redis.call('ZADD', met, ARGV[1], id)
    end
  end
  if redis.call('HGET', who, job) == id then out[#out + 1] = 1 else out[#out + 1] = 0 end
end
keep(seen, percent, liveroom, met)
return out

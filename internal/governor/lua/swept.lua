-- The end of a sweep that read all the lists.
-- KEYS: watch who seen over lost doubt percent live-room bulk-room met left pace sweep events woken unmade day-live day-bulk
-- ARGV: begin lag never short every rare
-- Returns job, id, ... of those that are watched and not running whose wake is
-- due: at once, and again each time that as much time has passed once more.
local watch, who, seen, over, lost, doubt, percent, liveroom, bulkroom, met, left, pace, sweep, events, woken, unmade, daylive, daybulk = unpack(KEYS)
local now = clock()
local begin, lag, never = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local function text(n) return string.format('%.0f', n) end
local function old(key, age) redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - age)) end

-- Events that should have come by now.
local late = redis.call('ZRANGEBYSCORE', doubt, '-inf', text(now - 60000))
for _, job in ipairs(late) do redis.call('ZREM', doubt, job) end
if #late > 0 then redis.call('HSET', events, 'missed', text(now)) end
local told = now - tonumber(redis.call('HGET', events, 'ok') or '0') < 60000

-- Nobody watches a job for longer than one may run.
for _, job in ipairs(redis.call('ZRANGEBYSCORE', watch, '-inf', text(now - 4 * 86400000))) do
  redis.call('ZREM', watch, job)
  redis.call('HDEL', who, job)
end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', text(now - 86400000))) do
  redis.call('ZREM', seen, job)
  redis.call('HDEL', percent, job)
end
old(woken, 86400000)
old(unmade, 86400000)
old(over, 86400000)
old(lost, 4 * 86400000)
old(left, 600000)
old(met, 86400000)

local out = {}
local all = redis.call('ZRANGE', watch, 0, -1, 'WITHSCORES')
for i = 1, #all, 2 do
  local job, since = all[i], tonumber(all[i + 1])
  local at = redis.call('ZSCORE', seen, job)
  local ended = redis.call('ZSCORE', over, job)
  if not (at and tonumber(at) >= begin) or ended then
    if at or ended or since < begin - lag then
      if not ended and not redis.call('ZSCORE', lost, job) then
        redis.call('ZADD', lost, text(now), job)
        if told then redis.call('ZADD', doubt, text(now), job) end
      end
      local due = tonumber(redis.call('ZSCORE', woken, job) or '0')
      if due <= now then
        local first = tonumber(redis.call('ZSCORE', lost, job) or ended or now)
        redis.call('ZADD', woken, text(now + math.min(math.max(now - first, 30000), 900000)), job)
        out[#out + 1] = job
        out[#out + 1] = redis.call('HGET', who, job) or ''
      end
    end
  end
end

-- Rooms: of jobs that were seen and are not any more, and of admissions that
-- never became a job.
local n = 0
for _, room in ipairs({liveroom, bulkroom}) do
  local ids = redis.call('ZRANGE', room, 0, -1, 'WITHSCORES')
  for i = 1, #ids, 2 do
    local id = ids[i]
    local at = redis.call('ZSCORE', met, id)
    if at and tonumber(at) < begin then
      n = n + redis.call('ZREM', room, id)
      redis.call('ZREM', met, id)
    elseif not at and tonumber(ids[i + 1]) < begin - never then
      unmake(unmade, daylive, daybulk, id)
      redis.call('ZREM', room, id)
    end
  end
end
freed(pace, now, n)
redis.call('HSET', sweep, 'began', text(begin), 'done', text(now), 'took', text(now - begin),
  'short', ARGV[4], 'every', ARGV[5], 'rare', ARGV[6])
keep(sweep, lost, doubt, events, woken)
return out

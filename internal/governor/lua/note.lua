-- What an event says of a job.
-- KEYS: watch who seen over lost doubt percent live-room bulk-room met left pace events unmade
-- ARGV: job id what percent; id is what the job itself says, empty if it is not ours
-- Returns the id of who watches a job that has ended; else nothing.
local watch, who, seen, over, lost, doubt, percent, liveroom, bulkroom, met, left, pace, events, unmade = unpack(KEYS)
local job, id, what = ARGV[1], ARGV[2], ARGV[3]
local now = clock()
local at = string.format('%.0f', now)
local watcher = redis.call('HGET', who, job)
if not watcher and id == '' then return '' end
redis.call('HSET', events, 'seen', at)
redis.call('ZREM', unmade, watcher or id)
if what == 'ended' then
  redis.call('ZADD', over, at, job)
  for _, key in ipairs({seen, lost, doubt}) do redis.call('ZREM', key, job) end
  redis.call('HDEL', percent, job)
  local whose = watcher or id
  local n = redis.call('ZREM', liveroom, whose) + redis.call('ZREM', bulkroom, whose)
  redis.call('ZREM', met, whose)
  if n > 0 then
    freed(pace, now, n)
    redis.call('ZADD', left, at, whose)
  end
  keep(over, left)
  return watcher or ''
end
if what == 'running' and not redis.call('ZSCORE', over, job) then
  redis.call('ZADD', seen, at, job)
  redis.call('ZREM', lost, job)
  if ARGV[4] ~= '' then redis.call('HSET', percent, job, ARGV[4]) end
  keep(seen, percent)
end
return ''

-- Common to all scripts, put before each. Times are milliseconds of Redis's
-- clock, waits too; rates are per second unless they say otherwise.

local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local week = 7 * 24 * 3600 * 1000

-- keep has keys that nobody writes any more go away.
local function keep(...)
  for _, key in ipairs({...}) do redis.call('PEXPIRE', key, week) end
end

-- slowness is the factor on a bucket's rate at a time: halved by each 429, it
-- doubles every two minutes until it is one again.
local function slowness(slow, since, at)
  if not slow then return 1 end
  return math.min(1, tonumber(slow) * 2 ^ ((at - tonumber(since)) / 120000))
end

-- fill returns the tokens that a bucket has now, and its rate now. A bucket
-- that is not there, because Redis lost it, starts with a tenth: what was taken
-- before the loss and this are the quota's burst together.
local function fill(key, now, rate, burst)
  local b = redis.call('HMGET', key, 'tokens', 'at', 'slow', 'since')
  local slow = slowness(b[3], b[4], now)
  if not b[1] or not b[2] then
    return math.min(burst, math.max(1, burst / 10)), rate * slow
  end
  local at = math.min(tonumber(b[2]), now)
  local since = (now - at) / 1000 * rate * slowness(b[3], b[4], at)
  return math.min(burst, tonumber(b[1]) + since), rate * slow
end

local function pour(key, now, tokens)
  redis.call('HSET', key, 'tokens', string.format('%.10f', tokens), 'at', string.format('%.0f', now))
  keep(key)
end

-- whole is how many whole tokens there are. Adding up fractions of a token
-- leaves it short of one by less than a millionth.
local function whole(tokens) return math.floor(tokens + 0.000002) end

-- forsake takes those out of the lines who did not come when they were to.
local function forsake(now, due, ...)
  local late = redis.call('ZRANGEBYSCORE', due, '-inf', string.format('%.0f', now), 'LIMIT', 0, 500)
  for _, id in ipairs(late) do
    redis.call('ZREM', due, id)
    for _, line in ipairs({...}) do redis.call('ZREM', line, id) end
  end
end

local function leave(due, id, ...)
  redis.call('ZREM', due, id)
  for _, line in ipairs({...}) do redis.call('ZREM', line, id) end
end

-- maxline bounds a line; who finds it full has no place and comes again.
local maxline = 200000

-- stand gives id its place in a line, or keeps it, until it is late. With
-- ahead it stands behind those that do and before all others: scores below 0.
local function stand(line, due, seq, id, late, ahead)
  if not redis.call('ZSCORE', line, id) then
    if redis.call('ZCARD', line) >= maxline then return end
    local place = redis.call('INCR', seq)
    if ahead then place = place - 2 ^ 52 end
    redis.call('ZADD', line, string.format('%.0f', place), id)
  end
  redis.call('ZADD', due, string.format('%.0f', late), id)
  keep(line, due, seq)
end

-- bounded is a wait that can be told: whole, and from a second to six hours.
local function bounded(wait)
  return math.floor(math.min(math.max(math.ceil(wait), 1000), 6 * 3600 * 1000))
end

-- shut is how long a gate lets nobody through, how long after a probe the next
-- may follow, and the gate itself if whoever passes now is its probe.
local function shut(raw, now)
  if not raw then return 0, 0, nil end
  local g = cjson.decode(raw)
  if g.by ~= '' then
    if g.ends == 0 then return 600000, 0, nil end
    return math.max(0, g.ends - now), 0, nil
  end
  if now < g.ends then return g.ends - now, g.every, nil end
  return 0, g.every, g
end

-- sent adds a probe's id to those that a gate let through: " id id ". It keeps
-- the last of them, for a gate that lets one through each few minutes may be
-- closed for days.
local function sent(before, id)
  local text = (before or ' ') .. id .. ' '
  if #text > 2000 then text = string.sub(text, string.find(text, ' ', #text - 1900, true), -1) end
  return text
end

-- today is how many jobs of a lane count for the day.
local function today(key, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. string.format('%.0f', now - now % 86400000))
  return redis.call('ZCARD', key)
end

-- left_today is how many more may be made today, of the live and of the bulk
-- lane. Live jobs have the same part of the day for themselves as of the rooms.
local function left_today(perday, cap, reserve, daylive, daybulk, now)
  local live, bulk = today(daylive, now), today(daybulk, now)
  local own = 0
  if cap > 0 then own = math.floor(perday * reserve / cap) end
  return perday - live - bulk, math.min(perday - live - bulk, perday - own - bulk)
end

-- count has a job that somebody saw count for the day in which it was made. Who
-- finds it does not know its lane; of bulk it leaves live its own part.
local function count(daylive, daybulk, created, id, now)
  if tonumber(created) < now - now % 86400000 or redis.call('ZSCORE', daylive, id) then return end
  redis.call('ZADD', daybulk, 'NX', created, id)
  keep(daybulk)
end

-- unmake has an admission of which no job came not count for the day.
local function unmake(unmade, daylive, daybulk, id)
  if redis.call('ZREM', unmade, id) == 0 then return end
  redis.call('ZREM', daylive, id)
  redis.call('ZREM', daybulk, id)
end

-- freed counts jobs that ended, to know at which pace room frees.
local window = 300000
local function freed(pace, now, n)
  if n == 0 then return end
  local k = math.floor(now / window)
  local p = redis.call('HMGET', pace, 'k', 'cur', 'prev')
  local last, cur, prev = tonumber(p[1] or '-9'), tonumber(p[2] or '0'), tonumber(p[3] or '0')
  if last == k - 1 then cur, prev = 0, cur elseif last ~= k then cur, prev = 0, 0 end
  redis.call('HSET', pace, 'k', k, 'cur', cur + n, 'prev', prev)
  keep(pace)
end

-- speed is how many jobs end in a millisecond. Where nothing is known, jobs are
-- taken to last ten minutes, and never more than an hour.
local function speed(pace, now, cap)
  local k = math.floor(now / window)
  local p = redis.call('HMGET', pace, 'k', 'cur', 'prev')
  if not p[1] then return cap / 600000 end
  local last, cur, prev = tonumber(p[1]), tonumber(p[2]), tonumber(p[3])
  if last == k - 1 then cur, prev = 0, cur elseif last ~= k then cur, prev = 0, 0 end
  return math.max((cur + prev) / (window + now - k * window), cap / 3600000)
end

-- healthy reports whether events tell of jobs: somebody receives them, some
-- came, and none was missed of late.
local function healthy(events, now)
  local e = redis.call('HMGET', events, 'ok', 'seen', 'missed')
  return e[1] and now - tonumber(e[1]) < 60000 and e[2] and now - tonumber(e[2]) < 86400000 and
    (not e[3] or now - tonumber(e[3]) > 600000)
end

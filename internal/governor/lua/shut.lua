-- KEYS: gates
-- ARGV: scope reason by ms
local now = clock()
local scope, reason, by, ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local raw = redis.call('HGET', KEYS[1], scope)
local g = {reason = reason, by = by, since = now, ends = 0, every = ms, shuts = 0, probes = 0}
if raw then
  local old = cjson.decode(raw)
  local over = old.by ~= '' and old.ends ~= 0 and old.ends <= now
  if not over then
    -- What is closed by hand stays so, whatever fails behind it.
    if by == '' and old.by ~= '' then return 0 end
    g.since, g.shuts = old.since, old.shuts
  end
end
g.shuts = g.shuts + 1
if ms > 0 then g.ends = now + ms end
redis.call('HSET', KEYS[1], scope, cjson.encode(g))
-- Gates that nobody went through for a week have nothing behind them.
if redis.call('HLEN', KEYS[1]) > 200 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local o = cjson.decode(all[i + 1])
    if o.ends ~= 0 and o.ends < now - week then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
return 1

-- overlook forgets those who have not asked for long.
local function overlook(now, since, due, number, found)
  local late = redis.call('ZRANGEBYSCORE', due, '-inf', string.format('%.0f', now), 'LIMIT', 0, 500)
  for _, id in ipairs(late) do
    redis.call('ZREM', due, id)
    redis.call('ZREM', since, id)
    redis.call('HDEL', number, id)
    redis.call('HDEL', found, id)
  end
end

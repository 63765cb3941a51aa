-- KEYS: gates
-- ARGV: scopes
local n = 0
for _, scope in ipairs(ARGV) do
  local raw = redis.call('HGET', KEYS[1], scope)
  if raw then
    local g = cjson.decode(raw)
    if g.by == '' and g.probes > 0 then n = n + redis.call('HDEL', KEYS[1], scope) end
  end
end
return n

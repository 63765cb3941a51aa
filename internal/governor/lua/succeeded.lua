-- KEYS: gates
-- ARGV: id, then scopes
local n = 0
for i = 2, #ARGV do
  local scope = ARGV[i]
  local raw = redis.call('HGET', KEYS[1], scope)
  if raw then
    local g = cjson.decode(raw)
    if g.by == '' and string.find(g.sent or '', ' ' .. ARGV[1] .. ' ', 1, true) then n = n + redis.call('HDEL', KEYS[1], scope) end
  end
end
return n

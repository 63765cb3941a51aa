-- Jobs that a pass met: those that somebody looks for are noted.
-- KEYS: since found pass
-- ARGV: token step most, then id job text of each
-- Returns 0 if the pass is not this one any more, or a note of it was lost.
local since, found, pass = unpack(KEYS)
local is = redis.call('HMGET', pass, 'token', 'step')
if is[1] ~= ARGV[1] or is[2] ~= ARGV[2] then return 0 end
redis.call('HINCRBY', pass, 'step', 1)
for i = 4, #ARGV, 3 do
  local id, job, text = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('ZSCORE', since, id) then
    local lines, n = {job .. ' ' .. text}, 1
    for line in string.gmatch(redis.call('HGET', found, id) or '', '[^\n]+') do
      if string.sub(line, 1, #job + 1) ~= job .. ' ' and n < tonumber(ARGV[3]) then
        n = n + 1
        lines[n] = line
      end
    end
    redis.call('HSET', found, id, table.concat(lines, '\n'))
  end
end
keep(found)
return 1

-- Every programme's record and the length of its queue, at one moment.
--
-- Result  {'rebuilding'} | {'ok', epoch, sequence, programme, record, waiting, programme, record, waiting...}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local result = {'ok', epoch, sequence}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 1) ~= '@' then
    local n = #result
    result[n + 1], result[n + 2], result[n + 3] = all[i], all[i + 1], redis.call('ZCARD', queue(all[i]))
  end
end
return result

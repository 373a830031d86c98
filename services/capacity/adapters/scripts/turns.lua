-- Where a referral stands in each queue that it waits in, at one moment.
--
-- KEYS[3] the referral's claim
-- ARGV[5] referral
-- Result  {'rebuilding'} | {'ok', epoch, sequence, {state, attempt, programme, repeated}, for each queue
--         {programme, how many stand in front, how many stand in it}}; no queue unless it waits

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local attempt, state, _, names = read_claim(KEYS[3])
if not attempt then return answer('none', 0) end
local result = answer(state, attempt, names)
if state ~= 'waiting' then return result end
for name in string.gmatch(names, '%S+') do
  local front = redis.call('ZRANK', queue(name), ARGV[5])
  if front then result[#result + 1] = {name, front, redis.call('ZCARD', queue(name))} end
end
return result

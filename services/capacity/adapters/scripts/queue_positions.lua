-- A claim, and its position in each of its queues, at one moment.
--
-- KEYS[3] the referral's claim
-- ARGV[5] referral
-- Result  {'rebuilding'} | {'ok', epoch, sequence, {state, attempt, programmes, repeated}, for each queue
--         {programme, referrals in front, length}}; no queue unless the claim is waiting

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local attempt, state, _, names = read_claim(KEYS[3])
local result = {'ok', epoch, sequence, claim_result(state or 'none', attempt or 0, names)}
if state ~= 'waiting' then return result end
for name in string.gmatch(names, '%S+') do
  local front = redis.call('ZRANK', queue(name), ARGV[5])
  if front then result[#result + 1] = {name, front, redis.call('ZCARD', queue(name))} end
end
return result

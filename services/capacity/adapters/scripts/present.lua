-- What the referral has now.
--
-- KEYS[3] the referral's claim
-- Result  {'rebuilding'} | {'ok', epoch, sequence, {state, attempt, programme, repeated}}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local attempt, state, _, names = read_claim(KEYS[3])
if not attempt then return answer('none', 0) end
return answer(state, attempt, names)

-- The child is admitted: the place held under this attempt becomes occupied.
--
-- Anything else that the referral has is answered unchanged, and 'none' when it has nothing.
--
-- KEYS[3] the referral's claim
-- ARGV[5] referral, ARGV[6] attempt
-- Result  {'rebuilding'} | {'ok', epoch, sequence, {state, attempt, programme, repeated}}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local referral, wanted = ARGV[5], tonumber(ARGV[6])
local attempt, state, rank, names = read_claim(KEYS[3])
if not attempt then return answer('none', 0) end
if attempt > wanted then return answer('stale', attempt) end
if attempt < wanted or state ~= 'held' then return answer(state, attempt, names, attempt == wanted) end

local p = programme(names)
p.held, p.occupied = p.held - 1, p.occupied + 1
redis.call('SET', KEYS[3], attempt .. ' occupied ' .. rank .. ' ' .. names)
tell('occupied', names, referral, attempt)
finish()
return answer('occupied', attempt, names)

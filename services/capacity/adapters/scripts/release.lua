-- Give back what the referral has under this attempt or an earlier one: its place is handed over, its turns are left.
--
-- The attempt stays marked as given back, so that its claim takes nothing when it comes late.
--
-- KEYS[3] the referral's claim
-- ARGV[5] referral, ARGV[6] attempt, ARGV[7] how long the mark is kept (ms)
-- Result  {'rebuilding'} | {'ok', epoch, sequence, {state, attempt, programme, repeated}}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

local referral, wanted = ARGV[5], tonumber(ARGV[6])
local attempt, state, _, names = read_claim(KEYS[3])
if attempt and attempt > wanted then return answer('stale', attempt) end
if attempt == wanted and state == 'none' then return answer('none', wanted, nil, true) end

redis.call('SET', KEYS[3], ARGV[6] .. ' none', 'PX', ARGV[7])
if attempt and state ~= 'none' then
  give_back(referral, attempt, state, names)
  finish()
end
return answer('none', wanted)

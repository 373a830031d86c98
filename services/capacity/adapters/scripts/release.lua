-- Release claims of the given attempt or an earlier one: places are handed over, queue entries removed.
--
-- The attempt is stored as released, so that a late claim of it takes nothing.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5...] for each: referral, attempt
-- Result  {'rebuilding'} | {'ok', epoch, sequence, for each {state, attempt, programme, repeated}}

local function release(key, referral, wanted)
  wanted = tonumber(wanted)
  local attempt, state, _, names = read_claim(key)
  if attempt and attempt > wanted then return claim_result('stale', attempt) end
  if attempt == wanted and state == 'none' then return claim_result('none', wanted, nil, true) end
  redis.call('SET', key, claim_of(wanted, 'none'), 'PX', REMEMBERED)
  if attempt then give_back(referral, attempt, state, names) end
  return claim_result('none', wanted)
end

return for_each_claim(2, release)

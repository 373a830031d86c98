-- Renew the relay's lease, also one that has run out, unless another owner has acquired it.
--
-- KEYS[3] lease
-- ARGV[5] owner, ARGV[6] duration of the lease (ms)
-- Result  {1} when this owner has it | {0}

if lease_of(KEYS[3]) ~= ARGV[5] then return {0} end
set_lease(KEYS[3], ARGV[5], ARGV[6])
return {1}
